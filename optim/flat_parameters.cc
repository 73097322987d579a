// Parameters and their gradients in flat, aligned buffers, cut into buckets.
#include "optim/flat_parameters.h"

#include <algorithm>
#include <map>
#include <unordered_set>
#include <utility>

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/memory_label.h"

namespace convoy {
namespace {

int64_t Padded(int64_t numel, int64_t multiple) {
  return (numel + multiple - 1) / multiple * multiple;
}

void CheckParameters(const ParameterList& parameters) {
  std::unordered_set<const internal::TensorImpl*> seen;
  for (const auto& [name, tensor] : parameters) {
    CONVOY_CHECK(tensor.defined(), "[FlatParameters] parameter '{}' is undefined", name);
    CONVOY_CHECK(tensor.is_leaf() && tensor.requires_grad(),
                 "[FlatParameters] parameter '{}' must be a leaf that requires a gradient; call "
                 "SetRequiresGrad on it, or leave it out of the list if it is not to be trained",
                 name);
    CONVOY_CHECK(seen.insert(tensor.impl()).second,
                 "[FlatParameters] parameter '{}' occurs twice; list a shared tensor once", name);
    const Device expected = parameters.front().tensor.device();
    CONVOY_CHECK(tensor.device() == expected,
                 "[FlatParameters] parameter '{}' is on {}, but '{}' on {}; a replica lives on one "
                 "device",
                 name, tensor.device().ToString(), parameters.front().name, expected.ToString());
  }
}

void CheckPlan(const ParameterList& parameters, const std::vector<std::vector<int>>& plan) {
  std::vector<bool> used(parameters.size(), false);
  for (size_t b = 0; b < plan.size(); ++b) {
    CONVOY_CHECK(!plan[b].empty(), "[FlatParameters] bucket {} of the plan is empty", b);
    for (const int index : plan[b]) {
      CONVOY_CHECK(index >= 0 && index < static_cast<int>(parameters.size()),
                   "[FlatParameters] bucket {} of the plan names parameter {} of {}", b, index,
                   parameters.size());
      const size_t i = static_cast<size_t>(index);
      CONVOY_CHECK(!used[i], "[FlatParameters] parameter '{}' is planned twice",
                   parameters[i].name);
      used[i] = true;
      const NamedTensor& first = parameters[static_cast<size_t>(plan[b].front())];
      CONVOY_CHECK(parameters[i].tensor.dtype() == first.tensor.dtype(),
                   "[FlatParameters] bucket {} mixes dtypes: '{}' is {}, '{}' is {}", b, first.name,
                   Name(first.tensor.dtype()), parameters[i].name,
                   Name(parameters[i].tensor.dtype()));
    }
  }
  const auto left_out = std::find(used.begin(), used.end(), false);
  CONVOY_CHECK(left_out == used.end(), "[FlatParameters] the plan leaves out parameter '{}'",
               parameters[static_cast<size_t>(left_out - used.begin())].name);
}

std::vector<std::vector<int>> OneBucketPerDType(const ParameterList& parameters) {
  std::vector<std::vector<int>> plan;
  std::vector<DType> dtypes;
  for (size_t i = 0; i < parameters.size(); ++i) {
    CONVOY_CHECK(parameters[i].tensor.defined(), "[FlatParameters] parameter '{}' is undefined",
                 parameters[i].name);
    const DType dtype = parameters[i].tensor.dtype();
    const auto at = std::find(dtypes.begin(), dtypes.end(), dtype) - dtypes.begin();
    if (at == static_cast<ptrdiff_t>(dtypes.size())) {
      dtypes.push_back(dtype);
      plan.emplace_back();
    }
    plan[static_cast<size_t>(at)].push_back(static_cast<int>(i));
  }
  return plan;
}

// Moves a parameter and its gradient into their places.
void Move(const Tensor& parameter, const FlatBucket& bucket, int64_t offset) {
  const Tensor slot = bucket.gradients.View(parameter.shape(), offset);
  const bool fresh = HasFreshGrad(parameter);
  if (fresh) slot.CopyFrom(parameter.grad());
  parameter.MoveInto(bucket.values.View(parameter.shape(), offset));
  parameter.SetGradSlot(slot);
  if (fresh) MarkGradFresh(parameter);
}

}  // namespace

FlatParameters::FlatParameters(const ParameterList& parameters,
                               const std::vector<std::vector<int>>& plan,
                               const FlatOptions& options)
    : FlatParameters() {
  CONVOY_CHECK(options.owner >= 0 && options.owner < options.owners,
               "[FlatParameters] owner {} is not one of {}", options.owner, options.owners);
  state_->parameters = parameters;
  CheckParameters(parameters);
  CheckPlan(parameters, plan);
  if (parameters.empty()) return;

  std::map<DType, int64_t> totals;  // elements of all buckets of a dtype
  std::vector<int64_t> starts;      // of each bucket in its dtype's buffer
  std::vector<int64_t> numels;
  for (const std::vector<int>& indices : plan) {
    FlatBucket& bucket = state_->buckets.emplace_back();
    const DType dtype = parameters[static_cast<size_t>(indices.front())].tensor.dtype();
    int64_t numel = 0;
    for (const int index : indices) {
      const NamedTensor& parameter = parameters[static_cast<size_t>(index)];
      bucket.entries.push_back({parameter, numel});
      numel += Padded(parameter.tensor.numel(), kAlignElements);
    }
    numel = Padded(numel, kAlignElements * options.owners);
    bucket.owned = {numel / options.owners * options.owner,
                    numel / options.owners * (options.owner + 1)};
    int64_t& total = totals[dtype];
    starts.push_back(total);
    numels.push_back(numel);
    total += numel;
  }

  const Device device = parameters.front().tensor.device();
  std::map<DType, std::pair<Tensor, Tensor>> buffers;
  for (const auto& [dtype, total] : totals) {
    const auto zeros = [&, shape = Shape({total}), type = dtype](const char* what) {
      const MemoryLabel label(what);
      return Tensor::Zeros(shape, {type, device});
    };
    buffers[dtype] = {zeros("parameters"), zeros("gradients")};
  }
  for (size_t b = 0; b < state_->buckets.size(); ++b) {
    FlatBucket& bucket = state_->buckets[b];
    const auto& [values, gradients] = buffers.at(bucket.entries.front().parameter.tensor.dtype());
    bucket.values = values.View({numels[b]}, starts[b]);
    bucket.gradients = gradients.View({numels[b]}, starts[b]);
    for (const FlatEntry& entry : bucket.entries) {
      Move(entry.parameter.tensor, bucket, entry.offset);
    }
  }
}

FlatParameters::FlatParameters(const ParameterList& parameters)
    : FlatParameters(parameters, OneBucketPerDType(parameters)) {}

int64_t FlatParameters::numel() const {
  int64_t sum = 0;
  for (const NamedTensor& parameter : parameters()) sum += parameter.tensor.numel();
  return sum;
}

void FlatParameters::SetBeforeRead(size_t bucket, const std::function<void()>& before_read) {
  state_->buckets[bucket].before_read = before_read;
  for (const FlatEntry& entry : buckets()[bucket].entries) {
    SetBeforeGradUse(entry.parameter.tensor, before_read);
  }
}

void FlatParameters::SetStepHooks(StepHooks hooks) { state_->hooks = std::move(hooks); }

void FlatParameters::BeforeStep() const {
  if (state_->hooks.before_step) state_->hooks.before_step();
}

void FlatParameters::Share(std::span<const Tensor> tensors) const {
  if (state_->hooks.share) state_->hooks.share(tensors);
}

void FlatParameters::AfterUpdate(size_t bucket) const {
  if (state_->hooks.after_update) state_->hooks.after_update(bucket);
}

void FlatParameters::AfterStep() const {
  ConsumeGradients();
  if (state_->hooks.after_step) state_->hooks.after_step();
}

void FlatParameters::ZeroMissingGradients() const {
  for (const FlatBucket& bucket : buckets()) {
    for (const FlatEntry& entry : bucket.entries) {
      const Tensor& parameter = entry.parameter.tensor;
      if (HasFreshGrad(parameter)) continue;
      if (bucket.before_read) bucket.before_read();
      bucket.gradients.View(parameter.shape(), entry.offset).Zero();
      MarkGradFresh(parameter);
    }
  }
}

void FlatParameters::ConsumeGradients() const {
  for (const NamedTensor& parameter : parameters()) ConsumeGrad(parameter.tensor);
}

void FlatParameters::CheckInPlace() const {
  for (const FlatBucket& bucket : buckets()) {
    const char* start = static_cast<const char*>(bucket.values.raw_data());
    for (const FlatEntry& entry : bucket.entries) {
      const Tensor& parameter = entry.parameter.tensor;
      CONVOY_CHECK(
          parameter.raw_data() ==
              start + static_cast<size_t>(entry.offset) * SizeOf(parameter.dtype()),
          "[FlatParameters] parameter '{}' was moved into another flat buffer since; give "
          "an optimizer DataParallel's Parameters(), and make one FlatParameters per model",
          entry.parameter.name);
    }
  }
}

}  // namespace convoy
