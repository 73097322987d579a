// What one worker saw of a step, in numbers that workers can send to each other.
#include "tools/scaling/measure/step_record.h"

#include <optional>

#include "core/base/error.h"
#include "core/tensor.h"

namespace convoy::scaling {
namespace {

constexpr size_t kOwnFields = 4, kBucketFields = 7;

// Calls `f` with every number of a record in turn.
template <typename Record, typename F>
void ForFields(Record& record, F&& f) {
  f(record.begin), f(record.backward), f(record.optimizer), f(record.end);
  for (auto& bucket : record.buckets) {
    f(bucket.ready), f(bucket.called), f(bucket.returned), f(bucket.started), f(bucket.ended);
    f(bucket.wait_begin), f(bucket.wait_end);
  }
}

}  // namespace

StepRecord ToRecord(const StepTimes& step, StepTimes::Time zero) {
  const auto at = [zero](StepTimes::Time time) {
    return std::chrono::duration<double, std::milli>(time - zero).count();
  };
  StepRecord record{.begin = at(step.begin()), .end = at(step.end())};
  for (const StepTimes::Phase& phase : step.phases) {
    if (phase.phase == StepPhase::kBackward) record.backward = at(phase.begin);
    if (phase.phase == StepPhase::kOptimizer) record.optimizer = at(phase.begin);
  }
  for (const StepTimes::Bucket& bucket : step.buckets) {
    const double ready = at(bucket.ready);
    const auto time = [&](const std::optional<StepTimes::Time>& t) { return t ? at(*t) : ready; };
    record.buckets.push_back({.ready = ready,
                              .called = time(bucket.called),
                              .returned = time(bucket.returned),
                              .started = time(bucket.started),
                              .ended = time(bucket.ended),
                              .wait_begin = time(bucket.wait_begin),
                              .wait_end = time(bucket.wait_end)});
  }
  return record;
}

std::vector<std::vector<StepRecord>> GatherRecords(Worker& worker,
                                                   const std::vector<StepRecord>& own) {
  CONVOY_CHECK(!own.empty(), "[scaling] no step was timed");
  const size_t buckets = own.front().buckets.size();
  std::vector<double> numbers;
  for (const StepRecord& record : own) {
    ForFields(record, [&](double field) { numbers.push_back(field); });
  }
  const size_t size = numbers.size();
  CONVOY_CHECK(size == own.size() * (kOwnFields + buckets * kBucketFields),
               "[scaling] steps differ in their buckets");
  const auto workers = static_cast<size_t>(worker.world_size());
  const Tensor input = Tensor::From({static_cast<int64_t>(size)}, numbers, worker.device());
  const Tensor all = Tensor::Zeros({static_cast<int64_t>(size * workers)}, input.options());
  worker.group().AllGather(input, all).Wait();
  numbers = all.ToVector<double>();

  auto next = numbers.begin();
  std::vector<std::vector<StepRecord>> records(workers);
  for (auto& of_worker : records) {
    of_worker.assign(own.size(), StepRecord{.buckets = std::vector<StepRecord::Bucket>(buckets)});
    for (StepRecord& record : of_worker) {
      ForFields(record, [&](double& field) { field = *next++; });
    }
  }
  return records;
}

}  // namespace convoy::scaling
