// TrainingRun: what it prints before and after training.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "core/backend.h"
#include "core/base/number_text.h"
#include "core/base/quantile.h"
#include "core/threads.h"
#include "models/trainers/common/run.h"
#include "parallel/launch/placement.h"

namespace convoy {
namespace {

std::string DescribeWorkers(const Worker& worker) {
  const int workers = worker.world_size();
  std::string line = fmt::format("{} on {}", workers, Name(worker.device().type));
  if (worker.device().is_cpu()) {
    const int threads = CpuTeam(worker.device().index).size();
    line += fmt::format(", {} thread{} {}", threads, threads == 1 ? "" : "s",
                        workers == 1 ? "" : "each");
  } else {
    line += ", " + GetBackend(worker.device().type).Describe(worker.device());
  }
  while (line.back() == ' ') line.pop_back();
  return line + fmt::format(" ({})", worker.group().name());
}

std::string DescribeBuckets(const std::vector<FlatBucket>& buckets) {
  constexpr size_t kShown = 6;
  std::string sizes;
  for (size_t b = 0; b < std::min(buckets.size(), kShown); ++b) {
    sizes +=
        (b == 0 ? "" : " + ") + BytesInKibOrMib(static_cast<int64_t>(buckets[b].gradients.bytes()));
  }
  if (buckets.size() > kShown) sizes += " + ...";
  return fmt::format("{} bucket{}: {}", buckets.size(), buckets.size() == 1 ? "" : "s", sizes);
}

std::string Field(const std::string& name, const std::string& value) {
  return fmt::format("  {:<12}{}", name, value);
}

}  // namespace

void TrainingRun::PrintHeader() {
  const FlatParameters& flat = step_->parameters();
  const int64_t tokens = trainer_.tokens_per_sample();
  std::string batch = fmt::format("{} samples", flags_.run.batch_size);
  if (tokens > 0) batch += fmt::format(" of {} tokens", tokens);
  if (flags_.run.micro_batches > 1)
    batch += fmt::format(", in {} micro-batches", flags_.run.micro_batches);
  progress_.Print(fmt::format("Convoy {}: {}", trainer_.name(), trainer_.DescribeModel()));
  progress_.Print(Field("workers", DescribeWorkers(worker_)));
  if (worker_.device().is_cpu()) {
    const std::string why = launch::Place(flags_.run.launch).why_not_cuda;
    if (!why.empty()) progress_.Print(Field("no GPU", why));
  }
  progress_.Print(Field("parameters", fmt::format("{} ({})", WithCommas(flat.numel()),
                                                  DescribeBuckets(flat.buckets()))));
  if (!flags_.files.init.empty()) {
    std::string start = flags_.files.init;
    for (const std::string& note : init_notes_) start += "; " + note;
    progress_.Print(Field("start", start));
  }
  progress_.Print(Field("data", trainer_.DescribeData()));
  progress_.Print(Field("batch", batch + ", over all workers"));
  progress_.Print(
      Field("training", WithCommas(flags_.run.steps) + " steps, " + flags_.optimizer.Text()));
  if (flags_.buckets.shard == Shard::kOptimizer) {
    progress_.Print(
        Field("sharding",
              fmt::format("1/{} of the optimizer's state on each worker: {}", worker_.world_size(),
                          BytesInKibOrMib(step_->optimizer().StateBytes()))));
  }
  for (const FlagPart* part : trainer_.parts()) {
    for (const HeaderLine& line : part->Describe()) progress_.Print(Field(line.name, line.value));
  }
}

void TrainingRun::PrintSummary() {
  // Collective: every worker tells the peak of its allocator.
  const MemoryStats memory = GetBackend(worker_.device().type).Stats(worker_.device());
  const Tensor peak = Tensor::From({1}, std::vector<int64_t>{memory.peak_bytes}, worker_.device());
  worker_.group().AllReduce(peak, ReduceOp::kMax).Wait();
  if (!worker_.is_main()) return;

  const int64_t steps = static_cast<int64_t>(step_ms_.size());
  const std::string why =
      steps == flags_.run.steps
          ? ""
          : fmt::format(", on signal {} ({})", stop_signal_, strsignal(stop_signal_));
  progress_.Print(fmt::format("{} {} of {} steps in {}{}",
                              steps == flags_.run.steps ? "Finished" : "Stopped after", steps,
                              flags_.run.steps, Duration(training_s_), why));
  if (skipped_ > 0) {
    progress_.Print(
        Field("skipped", fmt::format("{} steps whose gradients were not finite", skipped_)));
  }
  if (last_evaluated_) {
    const Evaluation& evaluation = *last_evaluated_->evaluation;
    std::string value = fmt::format("{:.4f}", evaluation.loss);
    if (evaluation.accuracy) value += fmt::format(", accuracy {:.2f}%", 100 * *evaluation.accuracy);
    if (last_evaluated_->step != last_.step)
      value += fmt::format(" (step {})", last_evaluated_->step);
    progress_.Print(Field("validation", "loss " + value));
  }
  if (steps > 0) {
    // Steps follow each other without a gap but for evaluations: together, the wall time of
    // training.
    const double training_ms = std::accumulate(step_ms_.begin(), step_ms_.end(), 0.0);
    const double samples_per_s = 1e3 * samples_ / training_ms;
    const int64_t tokens = trainer_.tokens_per_sample();
    const double rate = tokens > 0 ? samples_per_s * static_cast<double>(tokens) : samples_per_s;
    progress_.Print(Field("training", fmt::format("loss {:.4f}", last_.loss)));
    progress_.Print(
        Field("throughput",
              fmt::format("{} {}/s of wall time, without evaluation and saving",
                          WithCommas(std::llround(rate)), tokens > 0 ? "tokens" : "samples")));
    progress_.Print(
        Field("step", fmt::format("{:.2f} ms/step (mean), {:.2f} ms/step (median)",
                                  training_ms / static_cast<double>(steps), Median(step_ms_))));
    progress_.Print(
        Field("start-up", fmt::format("first step done {:.2f} s after launch", first_step_s_)));
    // On a GPU the host does not wait for communication, and so does not see it.
    if (worker_.device().is_cpu()) {
      const double exposed_ms = exposed_comm_ms_ / static_cast<double>(steps);
      progress_.Print(
          Field("exposed", fmt::format("{:.3f} ms/step of communication not hidden", exposed_ms)));
    }
  }
  progress_.Print(
      Field("memory", BytesInKibOrMib(peak.Item<int64_t>()) + " at most per worker (tensors)"));
  if (!flags_.files.save.empty()) progress_.Print(Field("saved", flags_.files.save));
}

}  // namespace convoy
