// Follows a Backward, and hands every bucket of gradients that is complete to a GradSync.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/device.h"
#include "core/tensor.h"
#include "optim/flat_parameters.h"
#include "parallel/data_parallel/backward_trace.h"
#include "parallel/data_parallel/call_order.h"
#include "parallel/data_parallel/grad_sync.h"
#include "parallel/data_parallel/pending_reductions.h"
#include "parallel/data_parallel/step_stats.h"

namespace convoy {

/// Counts the gradients of every bucket in a Backward, starts the reductions strictly in the order
/// of the buckets, and makes readers of gradients wait for them. For use by one thread.
class Reducer {
 public:
  /// Leaves hooks with `parameters`, which may outlive this. `sync` may be null: gradients then
  /// stay as they are, as for a worker that is alone.
  Reducer(Device device, FlatParameters parameters, std::shared_ptr<GradSync> sync);

  /// Call these around the Backward of every micro-batch; Start, LeafDone and Finish as the hooks
  /// of the last one (BackwardOptions). Throws: Error as CallOrder::Begin.
  void Begin(int micro_batch, int micro_batches);
  void End(int micro_batch, int micro_batches) { order_->End(micro_batch, micro_batches); }

  /// Parameters that this pass does not reach are ready at once: with what earlier micro-batches
  /// have left, or zero.
  void Start(const std::function<bool(const Tensor&)>& reached);
  void LeafDone(const Tensor& leaf);
  void Finish();

  /// Returns when nothing is under way, and forgets it.
  void Settle();

  const StepStats& stats();
  void set_tracing(bool on) { tracing_ = on; }
  std::shared_ptr<const BackwardTrace> trace() const { return trace_; }

 private:
  struct Place {
    size_t bucket;
    size_t parameter;  // in the order of the plan
  };
  using Clock = std::chrono::steady_clock;

  void SetReadHooks(size_t bucket);
  void SetStepHooks();
  void StartTrace();
  void ReduceReady();

  const Device device_;
  FlatParameters parameters_;
  const std::shared_ptr<GradSync> sync_;
  std::unordered_map<const internal::TensorImpl*, Place> places_;
  std::shared_ptr<std::vector<std::string>> names_;  // of the buckets, for messages

  Clock::time_point start_;
  std::vector<int> missing_;  // by bucket: gradients still to come in this pass
  StepStats stats_;
  const std::shared_ptr<PendingReductions> reductions_ = std::make_shared<PendingReductions>();
  const std::shared_ptr<CallOrder> order_ = std::make_shared<CallOrder>();

  bool tracing_ = false;
  std::shared_ptr<BackwardTrace> trace_;  // of this pass; null without tracing
};

}  // namespace convoy
