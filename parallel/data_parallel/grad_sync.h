// What happens to gradients between a Backward and an optimizer's Step, as a policy.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "optim/flat_parameters.h"
#include "parallel/group/process_group.h"

namespace convoy {

/// Where DataParallel sends the gradients of complete buckets. Derive from it for a policy of your
/// own, and give it to DataParallelOptions::sync: models/examples/gradient_policy.cc is one.
///
/// All functions are called by the worker's thread; those that communicate are called by all
/// workers in the same order, and must start the same collectives.
class GradSync {
 public:
  virtual ~GradSync() = default;

  /// How workers share the update of every bucket. Each updates everything unless this says
  /// otherwise. Called once, when the buckets are made.
  virtual FlatOptions Ownership() const { return {}; }

  /// Starts what makes the owned range of `bucket.gradients` the gradients to update from: usually
  /// their sum over the workers, since Backward has weighted them by this worker's share. Called
  /// for each bucket once a step, in the order of the buckets, as soon as all of them up to this
  /// one are complete. The result is waited for before anything reads the bucket's gradients.
  /// `name` describes the bucket in messages: "bucket 3 (fc1.weight, fc1.bias)".
  virtual Work Reduce(const FlatBucket& bucket, std::string_view name) = 0;

  /// The owned values of `bucket` are updated: starts what brings the other workers' values here.
  /// Waited for before the optimizer's Step returns (on a GPU by the stream).
  virtual Work Gather(const FlatBucket& bucket, std::string_view name) {
    (void)bucket, (void)name;
    return {};
  }

  /// StepHooks::share: fills in the rows of the other owners. Needed if Ownership shares the
  /// update.
  virtual void Share(std::span<const Tensor> tensors) { (void)tensors; }
};

/// Every worker gets the sum of all gradients and updates all parameters.
class AllReduceSync final : public GradSync {
 public:
  explicit AllReduceSync(ProcessGroup& group) : group_(group) {}
  Work Reduce(const FlatBucket& bucket, std::string_view name) override;

 private:
  ProcessGroup& group_;
};

/// The sharded optimizer (stage 1 of Rajbhandari et al., "ZeRO: Memory Optimizations Toward
/// Training Trillion Parameter Models", 2020): a worker gets the sum of its part of every bucket
/// (reduce-scatter), updates that part, and all workers exchange the new values (all-gather). It
/// moves as many bytes as an allreduce, and each of N workers keeps 1/N of the optimizer's state.
class ShardedSync final : public GradSync {
 public:
  explicit ShardedSync(ProcessGroup& group) : group_(group) {}
  FlatOptions Ownership() const override;
  Work Reduce(const FlatBucket& bucket, std::string_view name) override;
  Work Gather(const FlatBucket& bucket, std::string_view name) override;
  void Share(std::span<const Tensor> tensors) override;

 private:
  ProcessGroup& group_;
};

}  // namespace convoy
