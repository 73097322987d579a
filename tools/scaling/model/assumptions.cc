// All that a prediction rests on, in words.
#include "tools/scaling/model/assumptions.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/number_text.h"

namespace convoy::scaling {
namespace {

std::string Plan(const ModelProfile& profile, const BucketPlan& plan,
                 const PredictOptions& options) {
  const StepLoad load = LoadOf(profile, plan);
  if (load.buckets.empty()) return "no gradients";
  const auto [least, most] =
      std::minmax_element(load.buckets.begin(), load.buckets.end(),
                          [](const auto& a, const auto& b) { return a.bytes < b.bytes; });
  return fmt::format("gradients: {} in {} bucket{} of {} to {} ({})",
                     BytesInKibOrMib(profile.bytes()), plan.size(), plan.size() == 1 ? "" : "s",
                     BytesInKibOrMib(least->bytes), BytesInKibOrMib(most->bytes),
                     options.plan ? "the plan that was given" : "the default plan");
}

std::string Level(const LinkLevel& level) {
  return fmt::format(
      "link: {}, {}, {:g} GB/s, {:g} us a hop", level.name,
      level.members > 0 ? fmt::format("up to {} members", level.members) : "any number of members",
      level.gb_per_s, level.latency_us);
}

std::string Algorithms(const Links& links, const PredictOptions& options) {
  if (options.algorithm) return fmt::format("allreduce: {}", Name(*options.algorithm));
  std::string names;
  for (const AlgorithmCost& cost : links.algorithms) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", Name(cost.algorithm));
  }
  return links.algorithms.size() == 1
             ? fmt::format("allreduce: {}", names)
             : fmt::format("allreduce: for every bucket the fastest of {}", names);
}

}  // namespace

std::vector<std::string> Assumptions(const ModelProfile& profile, const Links& links,
                                     const BucketPlan& plan, const PredictOptions& options) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format(
      "one worker alone: {:.2f} ms for {:g} {}: forward {:.2f}, backward {:.2f}, optimizer {:.2f}",
      profile.step_ms(), profile.units, profile.unit, profile.forward_ms, profile.backward_ms,
      profile.optimizer_ms));
  lines.push_back("these times: " + profile.source);
  lines.push_back(
      options.batch_of > 0
          ? fmt::format(
                "strong scaling: the global batch is {:g} {}, and forward and backward take "
                "as much less time as a worker's share is smaller",
                profile.units * options.batch_of, profile.unit)
          : "weak scaling: every worker keeps its batch");
  lines.push_back(Plan(profile, plan, options));
  lines.push_back(
      "a bucket's sum starts when its last gradient is there on all workers and the sum before has "
      "ended");
  lines.push_back(
      options.measures_norm
          ? "the optimizer measures the norm of all gradients: it waits for the last sum"
          : "the optimizer updates a bucket as soon as it is summed and backward is over");
  lines.push_back("links: " + links.name);
  lines.push_back("these figures: " + links.source);
  for (const LinkLevel& level : links.levels) lines.push_back(Level(level));
  lines.push_back(Algorithms(links, options));
  lines.push_back(
      options.stragglers.sigma > 0
          ? fmt::format("stragglers: a worker's time for forward and backward varies by "
                        "{:g}% (normal, {} steps drawn with seed {})",
                        100 * options.stragglers.sigma, options.stragglers.steps,
                        options.stragglers.seed)
          : "stragglers: none, all workers compute equally fast");
  lines.push_back(
      "left out: other traffic, congestion, sums that slow down computing on the same GPU, loading "
      "of "
      "data, evaluation, checkpoints");
  return lines;
}

}  // namespace convoy::scaling
