// What all optimizers share: flat storage, parameter groups, state, and the step.
#include "optim/optimizer.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace convoy {
namespace {

void CheckRate(const char* optimizer, const char* what, double value) {
  CONVOY_CHECK(std::isfinite(value) && value >= 0, "[{}] {} must be 0 or more, got {}", optimizer,
               what, value);
}

// Runs of entries with equal hyper-parameters, merged.
std::vector<UpdateSegment> Segments(const FlatBucket& bucket, double weight_decay,
                                    const std::vector<ParamGroup>& groups) {
  std::vector<UpdateSegment> segments;
  for (size_t e = 0; e < bucket.entries.size(); ++e) {
    const FlatEntry& entry = bucket.entries[e];
    const bool last = e + 1 == bucket.entries.size();
    UpdateSegment segment = {entry.offset, last ? bucket.numel() : bucket.entries[e + 1].offset, 1,
                             weight_decay};
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const ParamGroup& g) {
      return g.matches && g.matches(entry.parameter);
    });
    if (group != groups.end()) {
      segment.lr_scale = group->lr_scale;
      segment.weight_decay = group->weight_decay.value_or(weight_decay);
    }
    if (!segments.empty() && segments.back().lr_scale == segment.lr_scale &&
        segments.back().weight_decay == segment.weight_decay) {
      segments.back().end = segment.end;
    } else {
      segments.push_back(segment);
    }
  }
  return segments;
}

}  // namespace

std::vector<ParamGroup> NoDecayOnBiasesAndNorms() {
  return {{.matches = [](const NamedTensor& parameter) { return parameter.tensor.ndim() < 2; },
           .weight_decay = 0.0}};
}

Optimizer::Optimizer(const FlatParameters& parameters, const Hyper& hyper)
    : name_(hyper.name), parameters_(parameters), lr_(hyper.lr), state_names_(hyper.state_names) {
  CheckRate(name_, "lr", hyper.lr);
  CheckRate(name_, "weight_decay", hyper.weight_decay);
  for (const ParamGroup& group : hyper.groups) {
    CheckRate(name_, "a group's lr_scale", group.lr_scale);
    CheckRate(name_, "a group's weight_decay", group.weight_decay.value_or(0));
  }
  for (const FlatBucket& flat : parameters_.buckets()) {
    UpdateBucket& bucket = buckets_.emplace_back();
    bucket.values = flat.values;
    bucket.gradients = flat.gradients;
    bucket.segments = Segments(flat, hyper.weight_decay, hyper.groups);
    const DType dtype = flat.values.dtype();
    const DType compute = dtype == DType::kF64 ? DType::kF64 : DType::kF32;
    const TensorOptions options = {compute, flat.values.device()};
    if (dtype != compute) bucket.master = Tensor::Zeros({flat.numel()}, options);
    for (size_t s = 0; s < state_names_.size(); ++s) {
      bucket.states[s] = Tensor::Zeros({flat.numel()}, options);
    }
  }
}

void Optimizer::Step(const StepOptions& options) {
  parameters_.CheckInPlace();
  parameters_.ZeroMissingGradients();
  ++*step_.data<int64_t>();
  for (const UpdateBucket& bucket : buckets_) Update(bucket, options.grad_scale);
  parameters_.ConsumeGradients();
}

void Optimizer::set_lr(double lr) {
  CheckRate(name_, "lr", lr);
  lr_ = lr;
}

ParameterList Optimizer::State() const {
  ParameterList state = {{"step", step_}};
  for (size_t b = 0; b < buckets_.size(); ++b) {
    for (const FlatEntry& entry : parameters_.buckets()[b].entries) {
      const auto add = [&](const std::string& kind, const Tensor& flat) {
        state.push_back({kind + "." + entry.parameter.name,
                         flat.View(entry.parameter.tensor.shape(), entry.offset)});
      };
      for (size_t s = 0; s < state_names_.size(); ++s) add(state_names_[s], buckets_[b].states[s]);
      if (buckets_[b].master.defined()) add("master", buckets_[b].master);
    }
  }
  return state;
}

}  // namespace convoy
