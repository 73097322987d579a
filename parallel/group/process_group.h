// Collectives between workers: the one interface of every transport.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "parallel/group/collective_record.h"
#include "parallel/group/signature.h"

namespace convoy {

/// When a collective ran, as far as one worker has seen it yet, on its machine's steady clock.
struct WorkTimes {
  using Clock = std::chrono::steady_clock;
  /// Its data could begin to move. In-process: the last worker had joined; Gloo: this worker had
  /// come to it; NCCL: this worker's input was ready, and the work before was done.
  std::optional<Clock::time_point> started;
  /// This worker's results were in place.
  std::optional<Clock::time_point> ended;
};

/// A collective under way. The tensors given to it must not be touched until Wait returns.
/// A dropped handle does not cancel anything.
class Work {
 public:
  /// What a transport implements.
  class Impl {
   public:
    virtual ~Impl() = default;
    virtual void Wait() = 0;
    virtual bool Done() = 0;
    /// What is known without waiting; nothing of what a GPU's recording does.
    virtual WorkTimes times() const = 0;
  };

  Work() = default;
  explicit Work(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

  /// Blocks until the results are in place (on a GPU: until they are ordered before whatever is
  /// launched next). Throws: Error if the group was aborted, naming the worker that failed first.
  void Wait() {
    if (impl_) impl_->Wait();
  }
  bool Done() { return !impl_ || impl_->Done(); }
  WorkTimes times() const { return impl_ ? impl_->times() : WorkTimes(); }
  /// From start to end; 0 until both are known.
  double seconds() const {
    const auto [started, ended] = times();
    return started && ended ? std::chrono::duration<double>(*ended - *started).count() : 0;
  }

 private:
  std::shared_ptr<Impl> impl_;
};

/// One worker's end of a group: of all workers of the run, or of some (Split). Collectives are
/// asynchronous and must be called by all workers in the same order with fitting arguments; a
/// mismatch is an Error that names the workers and what differs. Every worker gets the same bits;
/// in-process, where sums are taken in rank order, in every run (NCCL picks an order by size and
/// topology). Called by one thread per worker.
class ProcessGroup {
 public:
  virtual ~ProcessGroup() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// The transport's: "inprocess", "gloo", "nccl" or "solo".
  virtual std::string name() const = 0;

  /// What the run calls this group's workers, by rank.
  virtual std::vector<int> workers() const;
  /// The groups that Split has made, in their order.
  virtual std::vector<std::shared_ptr<ProcessGroup>> subgroups() const { return {}; }
  /// This worker's last calls, oldest first, of at most a thousand: where it stands, for reports.
  virtual std::vector<CollectiveRecord> history() { return {}; }

  /// Reduces `tensor` over all workers, in place. Any dtype but bool (bf16 and f16 add in f32).
  /// `what` describes it in messages, here and below: "bucket 3 (fc1.weight, fc1.bias)".
  virtual Work AllReduce(const Tensor& tensor, ReduceOp op = ReduceOp::kSum,
                         std::string_view what = {}) = 0;
  /// Copies the root's `tensor` into everybody's.
  virtual Work Broadcast(const Tensor& tensor, int root) = 0;
  /// Every worker's `input` (n), one after the other in rank order, into `output` (size * n).
  /// `input` may be part `rank` of `output` itself, and must not overlap it otherwise.
  virtual Work AllGather(const Tensor& input, const Tensor& output, std::string_view what = {}) = 0;
  /// Reduces every worker's `input` (size * n) and leaves part `rank` of it in `output` (n).
  /// `output` may be part `rank` of `input` itself, and must not overlap it otherwise.
  virtual Work ReduceScatter(const Tensor& input, const Tensor& output,
                             ReduceOp op = ReduceOp::kSum, std::string_view what = {}) = 0;
  /// Part r of `input` (size * n) goes to worker r, as part `rank` of its `output` (size * n).
  virtual Work AllToAll(const Tensor& input, const Tensor& output) = 0;
  /// Point to point: matched by source, destination and tag, in the order of the calls. (NCCL:
  /// messages are started together when one of them is waited for, or something else is called:
  /// start all that two workers exchange, then wait.)
  virtual Work Send(const Tensor& tensor, int destination, int tag = 0) = 0;
  virtual Work Recv(const Tensor& tensor, int source, int tag = 0) = 0;
  /// Returns when every worker has called it.
  virtual void Barrier() = 0;

  /// The subgroup of the workers that give the same `color`, in the order of their ranks here; null
  /// for a negative one. All workers of this group must call it, and may hold several subgroups at
  /// once: the rows and the columns of a grid. Calls of different groups that share workers must be
  /// made in one order by all of them, like those of one group.
  ///
  /// This group keeps it, with its connections: make the ones that a run needs once, at its start,
  /// and let go of them before the training function returns. A failure of the run ends the waits
  /// in all groups.
  virtual std::shared_ptr<ProcessGroup> Split(int color) = 0;

  /// Says that collectives will often work on this memory, which is kept alive as long as the group
  /// lives: a transport may prepare it. All workers must do the same. No error if it cannot.
  virtual void Register(const Tensor& tensor) { (void)tensor; }

  /// After a recorded step was replayed, in which collectives ran that the group was not told of:
  /// the deadline holds for what the device has been given so far. `what` describes it in messages.
  /// Throws: Error if a worker is missing or has failed.
  virtual void Watch(std::string_view what) { (void)what; }

  /// This worker makes no more calls: a worker that waits for it gets an Error. For Launch.
  virtual void Finish() noexcept {}

  /// Makes every present and later call of every worker throw an Error with this reason. The first
  /// call wins.
  virtual void Abort(const std::string& reason) noexcept = 0;
};

inline std::vector<int> ProcessGroup::workers() const {
  std::vector<int> all(static_cast<size_t>(size()));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

}  // namespace convoy
