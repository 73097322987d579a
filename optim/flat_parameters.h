// Parameters and their gradients in flat, aligned buffers, cut into buckets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "optim/flat_alignment.h"

namespace convoy {

/// A half-open range of a bucket's elements.
struct ElementRange {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
};

/// One parameter's place in its bucket.
struct FlatEntry {
  NamedTensor parameter;
  int64_t offset = 0;  ///< in elements, from the start of the bucket: a multiple of
                       ///< FlatParameters::kAlignElements
};

/// A contiguous run of parameters of one dtype: what one collective sums and one optimizer pass
/// updates. Elements between parameters (padding) are zero in both buffers and stay so.
struct FlatBucket {
  std::vector<FlatEntry> entries;
  Tensor values;     ///< (numel), slice of the flat parameter buffer
  Tensor gradients;  ///< (numel), slice of the flat gradient buffer
  /// What this worker updates: all of the bucket, or its part if workers share the bucket out. Both
  /// ends are multiples of FlatParameters::kAlignElements.
  ElementRange owned;
  /// Call it right before you give the device work that reads or writes `gradients`, on the same
  /// thread, as optimizers do; a parameter's grad() calls it too. It waits for the bucket's
  /// allreduce (on a GPU the current stream waits, not the host), so that an update can start
  /// before later buckets have arrived. It is cheap if no allreduce is under way. The owner of the
  /// allreduce sets it at construction. It owns what it needs, since copies of the bucket outlive
  /// their maker. Empty without a DataParallel. Throws: as Work::Wait does.
  std::function<void()> before_read;
  int64_t numel() const { return values.numel(); }
  Tensor OwnedValues() const { return values.View({owned.size()}, owned.begin); }
  Tensor OwnedGradients() const { return gradients.View({owned.size()}, owned.begin); }
};

/// How the workers share buckets out among them.
struct FlatOptions {
  int owners = 1;  ///< every bucket is cut into so many parts of the same length
  int owner = 0;   ///< which of them this worker owns
};

/// What the owner of the gradients, such as DataParallel, does around an optimizer's step. Every
/// function may be empty.
struct StepHooks {
  /// Before anything else. Throws: Error if the gradients are not what an update needs, such as
  /// those of a DataParallel that were not reduced.
  std::function<void()> before_step;
  /// Each tensor has the first dimension of a bucket's numel over some block length, and this
  /// worker has filled the rows of what it owns: fills in the rows of the other owners. For what an
  /// update needs of the whole, such as the norm of all gradients.
  std::function<void(std::span<const Tensor> tensors)> share;
  /// The owned values of a bucket are updated: other workers may now have them.
  std::function<void(size_t bucket)> after_update;
  /// After all buckets. On return the values of all owners are there (on a GPU, for the current
  /// stream).
  std::function<void()> after_step;
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
  /// in device; if dtypes are mixed within a bucket; if the plan leaves a parameter out; or unless
  /// 0 <= owner < owners.
  FlatParameters(const ParameterList& parameters, const std::vector<std::vector<int>>& plan,
                 const FlatOptions& options = {});

  /// One bucket per dtype, in the order given: for training without DataParallel.
  FlatParameters(const ParameterList& parameters);  // NOLINT: Sgd(model.Parameters()) is the idiom

  const std::vector<FlatBucket>& buckets() const { return state_->buckets; }
  /// In the order they were given in.
  const ParameterList& parameters() const { return state_->parameters; }
  /// Sets FlatBucket::before_read, also for the parameters' grad(); for the owner of the allreduce.
  void SetBeforeRead(size_t bucket, const std::function<void()>& before_read);
  void SetStepHooks(StepHooks hooks);
  /// Optimizers call these, in this order, as StepHooks says. AfterStep also marks every gradient
  /// as used. Throws: as the hooks do.
  void BeforeStep() const;
  void Share(std::span<const Tensor> tensors) const;
  void AfterUpdate(size_t bucket) const;
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
    StepHooks hooks;
  };
  std::shared_ptr<State> state_;
};

}  // namespace convoy
