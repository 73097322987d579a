// A file with the times of all workers' steps, for Perfetto (https://ui.perfetto.dev) or
// chrome://tracing.
#include "parallel/profile/timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <vector>

#include "core/backend.h"
#include "core/base/host_name.h"
#include "parallel/profile/clock_offset.h"
#include "parallel/profile/timeline_file.h"

namespace convoy {
namespace {

using Time = Timeline::Time;
using std::chrono::nanoseconds;

// The rows of a worker.
constexpr int kCompute = 1, kCommunication = 2;

// One number from worker 0 for all.
int64_t Agree(Worker& worker, int64_t value) {
  const Tensor all = Tensor::Scalar<int64_t>(value, worker.device());
  worker.group().Broadcast(all, 0).Wait();
  return all.Item<int64_t>();
}

nanoseconds ToZero(Worker& worker) {
  const nanoseconds offset = ClockOffset(worker);
  const int64_t zero =
      Agree(worker,
            std::chrono::duration_cast<nanoseconds>(Time::clock::now().time_since_epoch()).count());
  return offset - nanoseconds(zero);
}

std::string DrawId(Worker& worker) {
  std::random_device random;
  const int64_t id = int64_t{random()} << 31 ^ int64_t { random() };
  return fmt::format("{:016x}", Agree(worker, id));
}

// Events of one worker as JSON objects, each with a comma before it.
class Events {
 public:
  Events(int rank, nanoseconds to_zero) : rank_(rank), to_zero_(to_zero) {}

  /// What a row is called, or where it stands.
  void Describe(const char* kind, int row, const nlohmann::json& args) {
    Append({{"ph", "M"}, {"name", kind}, {"pid", rank_}, {"tid", row}, {"args", args}});
  }
  void Span(int row, std::string_view name, const char* category, Time begin, Time end,
            const nlohmann::json& args = nlohmann::json::object()) {
    const double from = Microseconds(begin);
    Append({{"ph", "X"},
            {"name", name},
            {"cat", category},
            {"pid", rank_},
            {"tid", row},
            {"ts", from},
            {"dur", std::max(Microseconds(end) - from, 0.0)},
            {"args", args}});
  }
  void Tick(int row, std::string_view name, const char* category, Time at) {
    Append({{"ph", "i"},
            {"s", "t"},
            {"name", name},
            {"cat", category},
            {"pid", rank_},
            {"tid", row},
            {"ts", Microseconds(at)}});
  }

  const std::string& text() const { return text_; }

 private:
  // Names come from programs and their parameters: what is no UTF-8 is replaced.
  void Append(const nlohmann::json& event) {
    text_ += ",\n" + event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  // To the nanosecond.
  double Microseconds(Time at) const {
    return static_cast<double>((at.time_since_epoch() + to_zero_).count()) / 1e3;
  }

  const int rank_;
  const nanoseconds to_zero_;
  std::string text_;
};

}  // namespace

Timeline::Timeline(Worker& worker, const std::string& path)
    : rank_(worker.rank()),
      to_zero_(ToZero(worker)),
      file_(std::make_unique<TimelineFile>(path, DrawId(worker))) {
  Events events(rank_, to_zero_);
  events.Describe("process_name", 0, {{"name", fmt::format("worker {} on {}", rank_, HostName())}});
  events.Describe("process_sort_index", 0, {{"sort_index", rank_}});
  const auto row = [&](int index, const std::string& name) {
    events.Describe("thread_name", index, {{"name", name}});
    events.Describe("thread_sort_index", index, {{"sort_index", index}});
  };
  row(kCompute, fmt::format("compute ({})", worker.device().ToString()));
  row(kCommunication, fmt::format("communication ({})", worker.group().name()));
  file_->Append(events.text());
}

Timeline::~Timeline() = default;

bool Timeline::Complete(Worker& worker) const {
  const Tensor broken =
      Tensor::From({1}, std::vector<int64_t>{file_->broken() ? 1 : 0}, worker.device());
  worker.group().AllReduce(broken, ReduceOp::kMax).Wait();
  return broken.Item<int64_t>() == 0;
}

void Timeline::Add(std::string_view name, Time begin, Time end) {
  Events events(rank_, to_zero_);
  events.Span(kCompute, name, "run", begin, end);
  file_->Append(events.text());
}

void Timeline::Add(int64_t number, const StepTimes& step) {
  Events events(rank_, to_zero_);
  events.Span(kCompute, fmt::format("step {}", number), "step", step.begin(), step.end());
  for (const StepTimes::Phase& phase : step.phases) {
    events.Span(kCompute, Name(phase.phase), "phase", phase.begin, phase.end);
  }
  Time free = step.begin();  // the communication row: where the sum before has ended
  for (const StepTimes::Bucket& bucket : step.buckets) {
    const size_t space = bucket.name.find(" (");
    const std::string name = bucket.name.substr(0, space);
    const nlohmann::json args{{"bytes", bucket.bytes}, {"name", bucket.name}, {"step", number}};
    if (bucket.called && bucket.returned) {
      events.Span(kCompute, "start " + name, "sum", *bucket.called, *bucket.returned);
    }
    if (bucket.wait_begin && bucket.wait_end) {
      events.Span(kCompute, "wait for " + name, "wait", *bucket.wait_begin, *bucket.wait_end);
    }
    if (!bucket.started || !bucket.ended) continue;
    events.Tick(kCommunication, name + " ready", "ready", bucket.ready);
    // In-process, neighbours may overlap; a row shows one after the other.
    const Time from = std::max(free, bucket.ready), begin = std::max(*bucket.started, from);
    const Time end = std::max(*bucket.ended, begin);
    if (begin > from) events.Span(kCommunication, name + " waits", "wait", from, begin);
    events.Span(kCommunication, "allreduce " + name, "sum", begin, end, args);
    free = end;
  }
  file_->Append(events.text());
}

}  // namespace convoy
