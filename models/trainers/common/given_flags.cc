// Which flags stand on the command line, and whether they go together.
#include "models/trainers/common/given_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "core/base/exit_status.h"

namespace convoy {
namespace {

void CheckOptimizer(const GivenFlags& given, const CommonFlags& flags) {
  const bool sgd = flags.optimizer == OptimizerKind::kSgd;
  const auto check = [&](const char* flag, bool belongs, const char* to) {
    CheckUsage(belongs || !given(flag),
               "[{}] belongs to --optimizer {}, but this run's optimizer is {}; leave it out, or "
               "give --optimizer {}",
               flag, to, sgd ? "sgd" : "adamw", to);
  };
  check("--momentum", sgd, "sgd");
  check("--beta1", !sgd, "adamw");
  check("--beta2", !sgd, "adamw");
}

void CheckSchedule(const GivenFlags& given, const CommonFlags& flags) {
  CheckUsage(
      flags.decay != Decay::kConstant || !given("--min-lr"),
      "[--min-lr] is where --decay linear or cosine ends, but --decay is constant; leave one "
      "of the two out");
  CheckUsage(
      flags.min_lr <= flags.lr || !given("--min-lr"),
      "[--min-lr] {} is above --lr {}, from which the learning rate falls; give at most --lr",
      flags.min_lr, flags.lr);
  CheckUsage(flags.warmup <= flags.steps || flags.steps == 0 || !given("--warmup"),
             "[--warmup] {} steps are more than the {} of the run, so that the learning rate would "
             "never reach --lr; give at most --steps",
             flags.warmup, flags.steps);
}

}  // namespace

GivenFlags::GivenFlags(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() > 0) names_.insert(option->get_name());
  }
}

void SettleFlags(const GivenFlags& given, CommonFlags& flags) {
  CheckOptimizer(given, flags);
  CheckSchedule(given, flags);
  CheckUsage(
      flags.bucket_plan.empty() || !given("--bucket-mb"),
      "[--bucket-mb] has no effect beside --bucket-plan, which says what is summed together; "
      "leave one of the two out");
  // A worker's own share may be smaller still: then some of its parts are empty.
  CheckUsage(
      flags.micro_batches <= flags.batch_size,
      "[--micro-batches] the {} samples of a batch cannot be cut into {} parts; give at most "
      "--batch-size",
      flags.batch_size, flags.micro_batches);
  CheckUsage(
      !flags.timeline.empty() || !given("--timeline-steps"),
      "[--timeline-steps] says how much goes into --timeline, which is not given; give both");
  flags.min_lr = std::min(flags.min_lr, flags.lr);
}

}  // namespace convoy
