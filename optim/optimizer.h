// What all optimizers share: flat storage, parameter groups, state, and the step.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "optim/flat_parameters.h"
#include "optim/loss_scaler.h"
#include "optim/param_group.h"
#include "optim/step_kernels.h"
#include "optim/step_status.h"
#include "optim/update_kernels.h"

namespace convoy {

/// Any option other than the defaults makes a step measure the norm of all gradients together,
/// which reads them once more.
struct StepOptions {
  /// Gradients whose norm is over this are scaled down to it within the update, by
  /// min(1, max_grad_norm / (norm + 1e-6)), the formula of PyTorch's clip_grad_norm_.
  double max_grad_norm = std::numeric_limits<double>::infinity();
  /// What to do when the norm is not finite. Workers decide alike: their gradients are the same
  /// sums. kStop leaves out every later step as well, until one is called with another choice; the
  /// status names the parameter.
  NonFinite non_finite = NonFinite::kPropagate;
  /// What the loss was scaled by; such a step is then skipped in any case, and the scale lowered.
  /// kStop stops only once the scale is at its minimum.
  LossScaler* scaler = nullptr;
};

/// A part of an optimizer's state, as a checkpoint describes it.
struct StateTensor {
  std::string name;
  Shape shape;         ///< of the whole, as if one worker had it
  ElementRange range;  ///< the elements of the whole that are here, in row-major order
  Tensor tensor;       ///< these elements: in the whole's shape if all are here, else flat
};

/// Updates flat parameters from their gradients, bucket by bucket, one pass over each.
///
/// bf16 and f16 parameters are updated through an f32 master copy. A parameter that was written
/// to between two steps (by a checkpoint's loading, by a broadcast) goes on from what was written.
///
/// A step is work for the parameters' device and nothing else: all that it decides, and all that
/// changes from step to step, stays there (step_control.h). So it can be captured in a graph. The
/// host learns what happened when it reads `status()`, at once or some steps later.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update of every parameter. Gradients are left as they are, but count as used: the next
  /// Backward overwrites them. A parameter that no Backward has reached since the last step has
  /// gradient zero (its momentum and weight decay go on). One that is frozen
  /// (SetRequiresGrad(false)) keeps its value until it is trained again, unless its momentum is not
  /// finite. A captured step goes on with what was frozen when it was captured; after freezing,
  /// take a step that is not captured first. A skipped step changes no value, no state and no step
  /// count.
  ///
  /// Throws: Error if the gradients of a DataParallel were not reduced, if a parameter was moved
  /// into another flat buffer since construction, unless max_grad_norm is over 0, or if the scaler
  /// is on another device.
  void Step(const StepOptions& options = {});

  double lr() const { return lr_; }
  /// Counts from the next Step, or the next replay of a captured one, on; do not capture it itself.
  /// Throws: Error on a negative or non-finite rate.
  void set_lr(double lr);

  /// What the newest step did (StepControl, f64), overwritten by the next one: to be copied to the
  /// host without waiting, and given to Decode later.
  const Tensor& status() const { return step_.control; }
  /// The meaning of a copy of `status()`. Throws: Error unless it has as many values.
  StepStatus Decode(const std::vector<double>& status) const;
  /// Decode of the status now. Waits for the device.
  StepStatus ReadStatus() const { return Decode(status().ToVector<double>()); }
  /// Throws: Error naming step and parameter if NonFinite::kStop has stopped the optimizer:
  /// `[AdamW] step 37: the norm of the gradient of 'h.3.mlp.c_fc.weight' is not finite`.
  void CheckNotStopped(const StepStatus& status) const;

  /// Steps applied, over all runs if the state was loaded. Waits for the device.
  int64_t steps() const { return step_.counters.View({}).Item<int64_t>(); }
  const FlatParameters& parameters() const { return parameters_; }

  /// All there is to save and load: "step" and "skipped_steps" (i64 scalars), and per parameter
  /// what the rule keeps, as "exp_avg.h.0.ln_1.weight", f32 (f64 for f64 parameters): all of it, or
  /// the range that this worker owns if workers share the buckets out. Parameters of which nothing
  /// is here are left out. The tensors are the state itself, on the parameters' device: what is
  /// copied into them is what the next Step goes on from.
  std::vector<StateTensor> State() const;
  /// Bytes of what this worker keeps beside parameters and gradients: the rule's state and the
  /// masters of 16-bit parameters.
  int64_t StateBytes() const;

 protected:
  struct Hyper {
    const char* name;  ///< for messages: "Sgd"
    double lr;
    double weight_decay;
    const std::vector<ParamGroup>& groups;
    std::vector<std::string> state_names;  ///< of the buffers that the rule keeps per element
    double beta1 = 0, beta2 = 0;           ///< for StepControl's corrections
  };

  Optimizer(const FlatParameters& parameters, const Hyper& hyper);

  /// Gives the device the update of one bucket, under its control.
  virtual void Update(const UpdateBucket& bucket) = 0;

 private:
  void MakeStepBuffers(int64_t parts);
  void MeasureGradients();
  /// The sums of bucket b's blocks: (numel / kFlatAlignElements).
  Tensor PartsOf(size_t b) const;
  void MakeSegments();
  /// Makes the segments anew if a parameter was frozen, or is trained again, since the last step.
  void FollowFrozen();

  const char* name_;
  FlatParameters parameters_;
  const std::vector<ParamGroup> groups_;
  double lr_;
  const double weight_decay_;
  double beta1_, beta2_;
  std::vector<bool> frozen_;          // by parameter, at the last step
  bool recorded_ = false;             // whether a recorded step reads the segments
  std::vector<Tensor> old_segments_;  // those that recorded steps read
  // What the optimizer keeps of the owned part of a bucket, beside parameters and gradients.
  struct BucketState {
    Tensor master, segments;
    std::vector<Tensor> states;
    int64_t first_part = 0;  // of the whole bucket, in step_.parts
  };
  UpdateBucket BucketViews(size_t b) const;

  // StepBuffers, owned.
  struct {
    Tensor control, counters, parts, entries;
  } step_;
  std::vector<std::string> state_names_;
  std::vector<BucketState> buckets_;
};

}  // namespace convoy
