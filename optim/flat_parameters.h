// Parameters and their gradients in flat, aligned buffers, cut into buckets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/tensor.h"
#include "optim/flat_alignment.h"

namespace convoy {

/// One parameter's place in its bucket.
struct FlatEntry {
  NamedTensor parameter;
  int64_t offset = 0;  ///< in elements, from the start of the bucket: 64-byte aligned, and a
                       ///< multiple of FlatParameters::kAlignElements
};

/// A contiguous run of parameters of one dtype: what one collective sums and one optimizer pass
/// updates. Elements between parameters (padding) are zero in both buffers and stay so.
struct FlatBucket {
  std::vector<FlatEntry> entries;
  Tensor values;     ///< (numel), slice of the flat parameter buffer
  Tensor gradients;  ///< (numel), slice of the flat gradient buffer
  /// Call it right before you give the device work that reads or writes `gradients`, on the same
  /// thread, as optimizers do; a parameter's grad() calls it too. It waits for the bucket's
  /// allreduce (on a GPU the current stream waits, not the host), so that an update can start
  /// before later buckets have arrived. It is cheap if no allreduce is under way. The owner of the
  /// allreduce sets it at construction. It owns what it needs, since copies of the bucket outlive
  /// their maker. Empty without a DataParallel. Throws: as Work::Wait does.
  std::function<void()> before_read;
  int64_t numel() const { return values.numel(); }
};

/// Moves parameters into flat buffers: their handles follow, and Backward writes their gradients
/// straight into the buckets. Gradients that are there already move along. A cheap handle: copies
/// are the same object.
class FlatParameters {
 public:
  static constexpr int64_t kAlignElements = kFlatAlignElements;

  FlatParameters() : state_(std::make_shared<State>()) {}

  /// `plan[b]` lists bucket b's parameters as indices into `parameters`, each used once.
  /// Throws: Error if a parameter is not a leaf that requires a gradient, occurs twice, or differs
  /// in device; if dtypes are mixed within a bucket; or if the plan leaves a parameter out.
  FlatParameters(const ParameterList& parameters, const std::vector<std::vector<int>>& plan);

  /// One bucket per dtype, in the order given: for training without DataParallel.
  FlatParameters(const ParameterList& parameters);  // NOLINT: Sgd(model.Parameters()) is the idiom

  const std::vector<FlatBucket>& buckets() const { return state_->buckets; }
  /// In the order they were given in.
  const ParameterList& parameters() const { return state_->parameters; }
  /// Sets FlatBucket::before_read, also for the parameters' grad(); for the owner of the allreduce.
  void SetBeforeRead(size_t bucket, const std::function<void()>& before_read);
  /// What BeforeStep and AfterStep call; for the owner of the allreduce, who knows whether the
  /// gradients are complete.
  void SetStepHooks(std::function<void()> before, std::function<void()> after);
  /// Optimizers call it before they update. Throws: Error if the gradients are not what an update
  /// needs, such as those of a DataParallel that were not reduced.
  void BeforeStep() const;
  /// Optimizers call it when they have updated. Marks every gradient as used.
  void AfterStep() const;
  /// Elements of all parameters, without padding.
  int64_t numel() const;

  /// Zeroes the gradient slots of parameters that no Backward has filled since the last Step.
  void ZeroMissingGradients() const;
  /// Marks every gradient as used: the next Backward overwrites it.
  void ConsumeGradients() const;
  /// Throws: Error naming the first parameter that another FlatParameters has since moved into its
  /// own buffers: what is done to these buckets would no longer reach it.
  void CheckInPlace() const;

 private:
  struct State {
    ParameterList parameters;
    std::vector<FlatBucket> buckets;
    std::function<void()> before_step, after_step;
  };
  std::shared_ptr<State> state_;
};

}  // namespace convoy
