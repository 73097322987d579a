// Times one collective at one size, and compares what comes out with what has to.
#include "tools/collectives/measure.h"

#include <chrono>
#include <vector>

#include "core/backend.h"
#include "core/base/error.h"
#include "core/base/quantile.h"
#include "ops/binary.h"
#include "tools/collectives/known_data.h"

namespace convoy::collectives {
namespace {

using Clock = std::chrono::steady_clock;

class Run {
 public:
  Run(Worker& worker, const CollectiveBenchOptions& options, const Amount& amount)
      : worker_(worker),
        options_(options),
        backend_(GetBackend(worker.device().type)),
        input_(Tensor::Zeros({amount.input}, {options.dtype, worker.device()})),
        output_(WorksInPlace(options.kind)
                    ? input_
                    : Tensor::Zeros({amount.output}, {options.dtype, worker.device()})) {}

  // Of zeros: sums of sums of other numbers would overflow.
  double Time() {
    for (int i = 0; i < options_.warmup; ++i) Once();
    Synchronize();
    worker_.group().Barrier();
    std::vector<double> seconds;
    Clock::time_point since = Clock::now();
    const auto stop = [&](int iterations) {
      Synchronize();
      const Clock::time_point now = Clock::now();
      seconds.push_back(std::chrono::duration<double>(now - since).count() / iterations);
      since = now;
    };
    for (int i = 0; i < options_.iterations; ++i) {
      Once();
      if (options_.blocking) {
        Synchronize();
        worker_.group().Barrier();
      }
      if (options_.median) stop(1);
    }
    if (!options_.median) stop(options_.iterations);
    return Median(OverWorkers(seconds));
  }

  int64_t CountWrong() {
    const KnownData known({.kind = options_.kind,
                           .dtype = options_.dtype,
                           .op = options_.op,
                           .average = options_.average,
                           .root = options_.root,
                           .workers = worker_.world_size()});
    int64_t wrong = 0;
    for (int i = 0; i < options_.checks; ++i) {
      if (!output_.Is(input_)) known.FillOutput(output_);
      known.FillInput(worker_.rank(), input_);
      Once();
      wrong += known.CountWrong(worker_.rank(), options_.average ? mean_ : output_);
    }
    const Tensor sum = Tensor::From<int64_t>({1}, {wrong}, worker_.device());
    worker_.group().AllReduce(sum, ReduceOp::kSum, "elements that are wrong").Wait();
    return sum.Item<int64_t>();
  }

 private:
  // NCCL has an average of its own; Convoy's gradients are scaled before they are summed.
  void Once() {
    Communicate();
    if (options_.average) mean_ = output_ / worker_.world_size();
  }

  void Communicate() {
    ProcessGroup& group = worker_.group();
    switch (options_.kind) {
      case CollectiveKind::kAllGather:
        return group.AllGather(input_, output_).Wait();
      case CollectiveKind::kReduceScatter:
        return group.ReduceScatter(input_, output_, options_.op).Wait();
      case CollectiveKind::kBroadcast:
        return group.Broadcast(input_, options_.root).Wait();
      case CollectiveKind::kAllToAll:
        return group.AllToAll(input_, output_).Wait();
      default:
        return group.AllReduce(input_, options_.op).Wait();
    }
  }

  void Synchronize() { backend_.Synchronize(worker_.device()); }

  // For each iteration, one time from those of all workers.
  std::vector<double> OverWorkers(const std::vector<double>& seconds) {
    ProcessGroup& group = worker_.group();
    const Tensor times =
        Tensor::From({static_cast<int64_t>(seconds.size())}, seconds, worker_.device());
    switch (options_.time_of) {
      case TimeOf::kRank0:
        group.Broadcast(times, 0).Wait();
        break;
      case TimeOf::kMean:
        group.AllReduce(times, ReduceOp::kSum, "all workers' times").Wait();
        return (times / group.size()).ToVector<double>();
      case TimeOf::kFastest:
        group.AllReduce(times, ReduceOp::kMin, "the fastest worker's times").Wait();
        break;
      case TimeOf::kSlowest:
        group.AllReduce(times, ReduceOp::kMax, "the slowest worker's times").Wait();
        break;
    }
    return times.ToVector<double>();
  }

  Worker& worker_;
  const CollectiveBenchOptions& options_;
  Backend& backend_;
  const Tensor input_, output_;
  Tensor mean_;  // of the sum in output_
};

}  // namespace

Amount AmountOf(CollectiveKind kind, DType dtype, int64_t size_bytes, int workers) {
  const int64_t element = static_cast<int64_t>(SizeOf(dtype));
  int64_t count = size_bytes / element;
  if (WorksInPlace(kind)) return {count * element, count, count, 0};
  count /= workers;
  const int64_t all = count * workers;
  switch (kind) {
    case CollectiveKind::kAllGather:
      return {all * element, count, count, all};
    case CollectiveKind::kReduceScatter:
      return {all * element, count, all, count};
    default:
      return {all * element, count, all, all};
  }
}

double CollectiveTime::algbw() const {
  return seconds > 0 ? static_cast<double>(amount.bytes) / seconds / 1e9 : 0;
}

double BusFactor(CollectiveKind kind, int workers) {
  const double n = workers;
  switch (kind) {
    case CollectiveKind::kBroadcast:
      return 1;
    case CollectiveKind::kAllReduce:
      return 2 * (n - 1) / n;
    default:
      return (n - 1) / n;
  }
}

CollectiveTime MeasureCollective(Worker& worker, const CollectiveBenchOptions& options,
                                 int64_t size_bytes) {
  CollectiveTime time{
      .amount = AmountOf(options.kind, options.dtype, size_bytes, worker.world_size()),
      .dtype = options.dtype,
      .op = options.op,
      .average = options.average};
  Run run(worker, options, time.amount);
  time.seconds = run.Time();
  if (options.checks > 0) time.wrong = run.CountWrong();
  return time;
}

}  // namespace convoy::collectives
