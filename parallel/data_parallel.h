// Data-parallel training: identical replicas, gradients summed over all workers during backward.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/tensor.h"
#include "optim/flat_parameters.h"
#include "optim/loss_scaler.h"
#include "parallel/batch.h"
#include "parallel/data_parallel/backward_trace.h"
#include "parallel/data_parallel/bucket_plan.h"
#include "parallel/data_parallel/grad_sync.h"
#include "parallel/data_parallel/replica_check.h"
#include "parallel/data_parallel/step_stats.h"
#include "parallel/group/worker.h"

namespace convoy {

class Reducer;

/// What the workers share out among them beside the samples.
enum class Shard : uint8_t {
  kNone,       ///< nothing: every worker updates every parameter
  kOptimizer,  ///< the update and its state: a worker updates its part of every bucket (ZeRO-1)
};

struct DataParallelOptions {
  /// How parameters are grouped into buckets (parallel/data_parallel/bucket_plan.h).
  BucketOptions buckets;
  /// A plan instead, for the very parameters (parallel/data_parallel/bucket_plan_file.h reads one
  /// from a file). The same on all workers.
  std::optional<BucketPlan> plan;
  /// What the workers share out. The parameters after a step are those without sharding: bit for
  /// bit where a transport sums in rank order (in-process, Gloo). The same on all workers.
  Shard shard = Shard::kNone;
  /// A policy of your own in place of the allreduce (parallel/data_parallel/grad_sync.h), on one
  /// worker too. The same on all workers.
  std::shared_ptr<GradSync> sync;
  /// Tensors of the model that are not trained (running statistics): worker 0's values replace the
  /// others' at construction, as those of the parameters do. Of any dtype.
  ParameterList buffers;
};

struct ReduceOptions {
  /// Multiplies the loss as well: gradients are then too large by its scale until an optimizer,
  /// given the same scaler, divides by it (optim/loss_scaler.h).
  const LossScaler* scaler = nullptr;
  /// This is micro-batch `micro_batch` of `micro_batches` of one step: gradients accumulate, and
  /// only the last one communicates.
  int micro_batch = 0;
  int micro_batches = 1;
};

class DataParallel {
 public:
  /// Moves the parameters into flat buckets, checks that all workers have the same plan (names,
  /// shapes, dtypes, order; of the buffers too), and broadcasts rank 0's values. Collective.
  /// Throws: Error naming the first parameter or buffer that differs, and the workers; or if a plan
  /// does not have every parameter once, or mixes dtypes in a bucket.
  DataParallel(Worker& worker, const ParameterList& parameters, DataParallelOptions options = {});
  DataParallel(const DataParallel&) = delete;
  DataParallel& operator=(const DataParallel&) = delete;
  ~DataParallel();

  /// For an optimizer: flat, bucket by bucket.
  FlatParameters& Parameters() { return flat_; }

  /// Differentiates `loss`, the mean over the samples of `batch`; on return (of the last
  /// micro-batch) every gradient is the sum over all workers, weighted by batch.share. The shares
  /// of all workers and micro-batches must add up to 1 for the gradient to be that of the global
  /// mean, as those of Batches and MicroBatch do. Buckets are allreduced in index order while
  /// backward goes on. Parameters that the loss does not reach get zero. Gradients of an earlier
  /// step are overwritten.
  ///
  /// Allreduces may still be under way on return. They are waited for (on a GPU by the stream, not
  /// by the host) when they are needed: an optimizer's Step waits bucket by bucket, so does a
  /// parameter's grad(), and the next Backward waits for every bucket that was not read. Call
  /// FlatBucket::before_read() first if you read FlatBucket::gradients directly. With a sharded
  /// optimizer a gradient is complete only on the worker that owns it, and grad() throws elsewhere.
  ///
  /// Throws: Error if the group was aborted, naming the worker that failed first; so do Step and
  /// grad(). Also if gradients would be lost: after a Backward without a Step (unless any one of
  /// its gradients was read, which counts as using them all), or after micro-batches of which the
  /// last did not come. An optimizer's Step throws if this step's micro-batches are not complete,
  /// or if gradients were written since the last Step, but by loss.Backward() in place of
  /// net.Backward(loss, batch).
  void Backward(const Tensor& loss, const Batch& batch, const ReduceOptions& options = {});
  /// The same for a loss whose weight in the global one is given: 1.0 / worker.world_size() if all
  /// workers have equally many samples.
  void Backward(const Tensor& loss, double weight, const ReduceOptions& options = {});

  /// Compares the parameters of all workers bit by bit (parallel/data_parallel/replica_check.h):
  /// they differ once a worker alone has written to one, or a bit of its memory has flipped.
  /// Collective. Throws: Error naming the first parameter that differs, and the workers.
  void CheckReplicas() const { convoy::CheckReplicas(worker_, flat_.parameters()); }

  /// Waits for nothing.
  const StepStats& stats() const;

  /// Whether every reduced Backward from now on leaves a trace: some twenty nanoseconds for each
  /// parameter on a CPU, an event for each on a GPU.
  void set_tracing(bool on);
  /// Of the last reduced Backward, filled further until the next one; null without tracing.
  std::shared_ptr<const BackwardTrace> trace() const;

 private:
  Worker& worker_;
  FlatParameters flat_;
  std::unique_ptr<Reducer> reducer_;
  const int exceptions_;  // on their way at construction
};

}  // namespace convoy
