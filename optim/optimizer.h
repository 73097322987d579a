// What all optimizers share: flat storage, parameter groups, state, and the step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "optim/flat_parameters.h"
#include "optim/param_group.h"
#include "optim/update_kernels.h"

namespace convoy {

struct StepOptions {
  /// Gradients count times this: ClipGradNorm's `scale`, or the inverse of a loss scale.
  double grad_scale = 1;
};

/// Updates flat parameters from their gradients, bucket by bucket, one pass over each.
///
/// bf16 and f16 parameters are updated through an f32 master copy. A parameter that somebody else
/// has written to meanwhile (a checkpoint loaded, a broadcast) goes on from what was written.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update of every parameter. Gradients are left as they are, but count as used: the next
  /// Backward overwrites them. A parameter that no Backward has reached since the last step has
  /// gradient zero (its momentum and weight decay go on).
  /// Throws: Error if a parameter was moved into another flat buffer since construction.
  void Step(const StepOptions& options = {});

  double lr() const { return lr_; }
  /// Throws: Error on a negative or non-finite rate.
  void set_lr(double lr);

  /// Steps taken, over all runs if the state was loaded.
  int64_t steps() const { return *step_.data<int64_t>(); }
  const FlatParameters& parameters() const { return parameters_; }

  /// All there is to save and load: "step" (an i64 scalar), and per parameter what the rule keeps,
  /// as "exp_avg.h.0.ln_1.weight", in the parameter's shape, f32 (f64 for f64 parameters). The
  /// tensors are the state itself: what is copied into them is what the next Step goes on from.
  ParameterList State() const;

 protected:
  struct Hyper {
    const char* name;  ///< for messages: "Sgd"
    double lr;
    double weight_decay;
    const std::vector<ParamGroup>& groups;
    std::vector<std::string> state_names;  ///< of the buffers that the rule keeps per element
  };

  Optimizer(const FlatParameters& parameters, const Hyper& hyper);

  /// Updates one bucket; `steps()` counts from 1 by then.
  virtual void Update(const UpdateBucket& bucket, double grad_scale) = 0;

 private:
  const char* name_;
  FlatParameters parameters_;
  double lr_;
  Tensor step_ = Tensor::Scalar(int64_t{0});
  std::vector<std::string> state_names_;
  std::vector<UpdateBucket> buckets_;
};

}  // namespace convoy
