// A stream: a queue of work that a thread of its own runs, and the points in it that others await.
#include "tests/sim/stream.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <thread>
#include <utility>

#include "tests/sim/capture.h"
#include "tests/sim/launch.h"
#include "tests/sim/random.h"

namespace convoy::sim {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr int64_t kLagAtMostMs = 2000;

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

// Not std::atomic::wait: its own bookkeeping would order threads.
void FutexWait(const std::atomic<uint32_t>& at, uint32_t expected, int64_t timeout_ms) {
  timespec timeout{timeout_ms / 1000, timeout_ms % 1000 * 1000000};
  syscall(SYS_futex, &at, FUTEX_WAIT_PRIVATE, expected, timeout_ms < 0 ? nullptr : &timeout,
          nullptr, 0);
}

void FutexWake(const std::atomic<uint32_t>& at) {
  syscall(SYS_futex, &at, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

Marker::Marker(Stream* stream, uint64_t ticket) : stream_(stream), ticket_(ticket) {}
Marker::~Marker() = default;

void Marker::Demand() { stream_->Demand(ticket_); }

void Marker::Await() {
  if (Reached()) return;
  Demand();
  while (!Reached()) FutexWait(reached_, 0);
}

void Marker::Reach() {
  time_ns_.store(NowNs(), kRelaxed);
  reached_.store(1, std::memory_order_release);
  FutexWake(reached_);
}

Stream::Stream(int device, bool non_blocking, int priority)
    : device_(device),
      priority_(priority),
      non_blocking_(non_blocking),
      seed_(GetSettings().seed.load(kRelaxed) * 1000003 + static_cast<uint64_t>(device) * 1009 +
            GetDevice(device).streams_made.fetch_add(1, kRelaxed)) {}

bool Stream::CapturingLocked() {
  if (capture && capture->ended()) {
    capture = nullptr;
    capture_tails.clear();
  }
  return static_cast<bool>(capture);
}

cudaError_t Stream::Submit(Work work) {
  const std::lock_guard lock(host_mutex);
  if (CapturingLocked()) {
    const int node = capture->Add({std::move(work), device_, this, capture_tails});
    if (node < 0) return cudaErrorStreamCaptureInvalidated;
    capture_tails = {node};
    return cudaSuccess;
  }
  if (work.kind != OpKind::kControl) GetSettings().operations.fetch_add(1, kRelaxed);
  Push(std::move(work));
  return cudaSuccess;
}

Ref<Marker> Stream::Mark() {
  const std::lock_guard lock(host_mutex);
  const Ref<Marker> marker(new Marker(this, issued_));
  Push({OpKind::kControl, [marker, this, ticket = issued_] {
          // Who has waited for a stream finds it idle.
          finished_.store(ticket + 1, std::memory_order_release);
          marker->Reach();
        }});
  return marker;
}

void Stream::WaitFor(Ref<Marker> marker) {
  const std::lock_guard lock(host_mutex);
  Push({OpKind::kControl, [marker = std::move(marker)] { marker->Await(); }});
}

void Stream::Push(Work work) {
  if (!running_) {
    running_ = true;
    tail_ = new Op;
    std::thread([self = Ref<Stream>(this), first = tail_] { self->Run(first); }).detach();
  }
  Op* op = new Op;
  op->work = std::move(work);
  op->ticket = issued_++;
  tail_->next.store(op, std::memory_order_release);
  tail_ = op;
  WakeUp();
}

void Stream::WakeUp() {
  wake_.fetch_add(1, kRelaxed);
  FutexWake(wake_);
}

void Stream::Demand(uint64_t ticket) {
  uint64_t before = demanded_.load(kRelaxed);
  while (before <= ticket && !demanded_.compare_exchange_weak(before, ticket + 1, kRelaxed)) {
  }
  if (before <= ticket) WakeUp();
}

bool Stream::Idle() {
  const std::lock_guard lock(host_mutex);
  if (issued_ == 0) return true;
  // Only if all is done may the host know of any of it.
  if (finished_.load(kRelaxed) == issued_) return finished_.load(std::memory_order_acquire) > 0;
  Demand(issued_ - 1);
  return false;
}

void Stream::Close() {
  const std::lock_guard lock(host_mutex);
  closed_.store(true, kRelaxed);
  if (issued_ > 0) Demand(issued_ - 1);
  WakeUp();
}

bool Stream::Lags(OpKind kind) const {
  if (lags_.load(kRelaxed)) return true;
  switch (GetSettings().lag.load(kRelaxed)) {
    case Lag::kNothing:
      return false;
    case Lag::kNormalStreams:
      return priority_ >= 0;
    case Lag::kHighStreams:
      return priority_ < 0;
    case Lag::kCopies:
      return kind == OpKind::kCopy;
    case Lag::kAllStreams:
      return true;
  }
  return false;
}

void Stream::AwaitDemand(const Op& op) {
  const int64_t start = NowNs();
  while (Lags(op.work.kind) && !closed_.load(kRelaxed)) {
    const uint32_t seen = wake_.load(kRelaxed);
    if (demanded_.load(kRelaxed) > op.ticket) return;
    const int64_t waited_ms = (NowNs() - start) / 1000000;
    if (waited_ms >= kLagAtMostMs) return;
    FutexWait(wake_, seen, kLagAtMostMs - waited_ms);
  }
}

void Stream::Run(Op* last) {
  uint64_t random = seed_;
  while (true) {
    const uint32_t seen = wake_.load(kRelaxed);
    Op* op = last->next.load(std::memory_order_acquire);
    if (op == nullptr) {
      if (!closed_.load(kRelaxed)) {
        FutexWait(wake_, seen);
        continue;
      }
      // Closed after its last work was given to it, perhaps since we looked.
      op = last->next.load(std::memory_order_acquire);
      if (op == nullptr) break;
    }
    delete std::exchange(last, op);
    AwaitDemand(*op);
    RunOp(*op, random);
  }
  delete last;
}

void Stream::RunOp(Op& op, uint64_t& random) {
  const int one_in = GetSettings().delay_one_in.load(kRelaxed);
  if (one_in > 0 && NextRandom(random) % static_cast<unsigned>(one_in) == 0) {
    const int max_us = std::max(1, GetSettings().delay_max_us.load(kRelaxed));
    usleep(static_cast<unsigned>(NextRandom(random) % static_cast<unsigned>(max_us)));
  }
  RunUnlessBroken(device_, op.work);
  op.work.run = nullptr;
  finished_.store(op.ticket + 1, std::memory_order_release);
}

void RunUnlessBroken(int device, const Work& work) {
  Device& it = GetDevice(device);
  if (work.kind == OpKind::kControl) return work.run();
  if (it.broken.load(kRelaxed) != cudaSuccess) return;
  work.run();
  if (it.until_broken.load(kRelaxed) > 0 && it.until_broken.fetch_sub(1, kRelaxed) == 1) {
    it.broken.store(it.breaks_with.load(kRelaxed), kRelaxed);
  }
}
}  // namespace convoy::sim
