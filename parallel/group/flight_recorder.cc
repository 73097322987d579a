// A worker's last collectives and how far each has come: what to look at after a hang.
#include "parallel/group/flight_recorder.h"

#include <algorithm>
#include <optional>

#include "parallel/group/collective_call.h"

namespace convoy {
namespace {

using State = CollectiveRecord::State;
using Clock = FlightRecorder::Clock;

// On the clock of the wall, which may be set meanwhile; so it is asked late.
double Seconds(Clock::time_point at) {
  using std::chrono::duration;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return duration<double>(now).count() - duration<double>(Clock::now() - at).count();
}

bool IsMessage(CollectiveKind kind) {
  return kind == CollectiveKind::kSend || kind == CollectiveKind::kRecv;
}

bool Ended(State state) { return state != State::kQueued && state != State::kRunning; }

}  // namespace

std::string_view Name(CollectiveRecord::State state) {
  switch (state) {
    case State::kQueued:
      return "queued";
    case State::kRunning:
      return "running";
    case State::kDone:
      return "done";
    case State::kFailed:
      return "failed";
    case State::kRecorded:
      break;
  }
  return "recorded";
}

uint64_t FlightRecorder::Add(const CollectiveCall& call) {
  const std::lock_guard lock(mutex_);
  const uint64_t id = ++last_id_;
  if (ring_.size() < kEntries) ring_.emplace_back();
  Entry& entry = ring_[(id - 1) % kEntries];
  entry.id = id;
  entry.queued = Clock::now();
  CollectiveRecord& record = entry.record;
  const bool message = IsMessage(call.kind);
  record.number = message ? 0 : ++collectives_;
  record.kind = Name(call.kind);
  record.what.assign(call.what);
  record.bytes = call.input.defined() ? static_cast<int64_t>(call.input.bytes()) : 0;
  record.peer = message || call.kind == CollectiveKind::kBroadcast ? call.root : -1;
  record.tag = call.tag;
  record.state = State::kQueued;
  return id;
}

FlightRecorder::Entry* FlightRecorder::Find(uint64_t id) {
  if (id == 0) return nullptr;
  Entry& entry = ring_[(id - 1) % kEntries];
  return entry.id == id && !Ended(entry.record.state) ? &entry : nullptr;
}

void FlightRecorder::Started(uint64_t id, Clock::time_point at) {
  const std::lock_guard lock(mutex_);
  Entry* entry = Find(id);
  if (entry == nullptr || entry->record.state != State::kQueued) return;
  entry->record.state = State::kRunning;
  entry->started = at;
}

void FlightRecorder::Done(uint64_t id, Clock::time_point at) {
  const std::lock_guard lock(mutex_);
  Entry* entry = Find(id);
  if (entry == nullptr) return;
  if (entry->record.state == State::kQueued) entry->started = at;
  entry->record.state = State::kDone;
  entry->ended = at;
}

void FlightRecorder::Failed(uint64_t id) {
  const std::lock_guard lock(mutex_);
  Entry* entry = Find(id);
  if (entry == nullptr) return;
  const auto now = Clock::now();
  if (entry->record.state == State::kQueued) entry->started = now;
  entry->record.state = State::kFailed;
  entry->ended = now;
}

void FlightRecorder::Recorded(uint64_t id) {
  const std::lock_guard lock(mutex_);
  if (Entry* entry = Find(id)) entry->record.state = State::kRecorded;
}

std::vector<CollectiveRecord> FlightRecorder::Records() const {
  const std::lock_guard lock(mutex_);
  std::vector<CollectiveRecord> records;
  const uint64_t first = last_id_ < kEntries ? 1 : last_id_ - kEntries + 1;
  for (uint64_t id = first; id <= last_id_; ++id) {
    const Entry& entry = ring_[(id - 1) % kEntries];
    CollectiveRecord& record = records.emplace_back(entry.record);
    record.queued_s = Seconds(entry.queued);
    const State state = record.state;
    if (state == State::kQueued || state == State::kRecorded) continue;
    record.started_s = Seconds(entry.started);
    if (state != State::kRunning) record.ended_s = Seconds(entry.ended);
  }
  return records;
}

}  // namespace convoy
