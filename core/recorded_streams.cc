// RecordedStreams: a table in device memory, rewritten before each replay.
#include "core/recorded_streams.h"

#include <bit>
#include <utility>

#include "core/error.h"

namespace convoy {
namespace {

constexpr int64_t kMostStreams = 4096;  // 64 KiB

thread_local RecordedStreams* recording = nullptr;

}  // namespace

RandomStream StreamCounter::Next() {
  if (recording != nullptr) return recording->Add(*this);
  return {seed, next++};
}

RecordedStreams::RecordedStreams(Device device)
    : places_(Tensor::Empty({kMostStreams, 2}, {DType::kI64, device})) {}

RecordedStreams::Scope::Scope(RecordedStreams& streams)
    : before_(std::exchange(recording, &streams)) {}

RecordedStreams::Scope::~Scope() { recording = before_; }

RandomStream RecordedStreams::Add(StreamCounter& counter) {
  const int64_t slot = static_cast<int64_t>(counters_.size());
  CONVOY_CHECK(
      slot < kMostStreams,
      "[StepGraph] a step that draws random numbers more than {} times cannot be recorded; "
      "run it without a graph",
      kMostStreams);
  counters_.push_back(&counter);
  const int64_t* place = places_.data<int64_t>() + 2 * slot;
  return {.place = reinterpret_cast<const uint64_t*>(place)};
}

void RecordedStreams::Advance() {
  if (counters_.empty()) return;
  std::vector<int64_t> values;
  for (StreamCounter* counter : counters_) {
    values.push_back(std::bit_cast<int64_t>(counter->seed));
    values.push_back(std::bit_cast<int64_t>(counter->next++));
  }
  const Shape shape{static_cast<int64_t>(values.size())};
  places_.View(shape).CopyFrom(Tensor::From(shape, values));
}

}  // namespace convoy
