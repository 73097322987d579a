// The collectives of a step that are under way, bucket by bucket.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "core/time_mark.h"
#include "parallel/data_parallel/backward_trace.h"
#include "parallel/group/process_group.h"

namespace convoy {

/// Every reduction is waited for once, by the first reader of its bucket, and the gathers of
/// updated values at the end of the step. Shared by DataParallel and the hooks that it leaves with
/// buckets and parameters, which may outlive it. For use by one thread.
class PendingReductions {
 public:
  /// The reduction of the next bucket, started just now.
  void Add(Work work) {
    if (trace_) trace_->buckets[reductions_.size()].reduction = work;
    reductions_.push_back({.work = std::move(work)});
  }
  /// Buckets whose reduction was started.
  size_t size() const { return reductions_.size(); }

  /// Returns when `bucket` is reduced, as Work::Wait does; at once if no reduction of it is under
  /// way. Throws: as Work::Wait does, and again at the next call.
  void Wait(size_t bucket) {
    if (bucket >= reductions_.size() || reductions_[bucket].joined) return;
    const Clock::time_point start = Clock::now();
    if (trace_) trace_->buckets[bucket].wait_begin = MarkTime(device_);
    reductions_[bucket].work.Wait();
    if (trace_) trace_->buckets[bucket].wait_end = MarkTime(device_);
    reductions_[bucket].joined = true;
    waited_ms_ += std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  }
  void WaitAll() {
    for (size_t b = 0; b < reductions_.size(); ++b) Wait(b);
  }
  /// The gather of a bucket's updated values, started just now.
  void AddGather(Work work) { gathers_.push_back(std::move(work)); }
  /// Returns when all gathers are done, and forgets them. Throws: as Work::Wait does.
  void WaitGathers() {
    if (gathers_.empty()) return;
    const Clock::time_point start = Clock::now();
    std::vector<Work> gathers = std::exchange(gathers_, {});
    for (Work& gather : gathers) gather.Wait();
    waited_ms_ += std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  }
  /// Forgets all reductions. What is still under way should be waited for first. `trace`, of the
  /// buckets on `device` whose reductions come next, may be null.
  void Clear(Device device, std::shared_ptr<BackwardTrace> trace) {
    reductions_.clear();
    waited_ms_ = 0;
    device_ = device;
    trace_ = std::move(trace);
  }

  double comm_ms(size_t bucket) const { return reductions_[bucket].work.seconds() * 1e3; }
  /// Time that the calling thread spent blocked in Wait, in milliseconds.
  double waited_ms() const { return waited_ms_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Reduction {
    Work work;  // kept after the wait for its time
    bool joined = false;
  };

  std::vector<Reduction> reductions_;  // by bucket
  std::vector<Work> gathers_;
  double waited_ms_ = 0;
  Device device_;
  std::shared_ptr<BackwardTrace> trace_;
};

}  // namespace convoy
