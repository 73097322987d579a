// What all optimizers share: flat storage, parameter groups, state, and the step.
#include "optim/optimizer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/base/error.h"
#include "core/memory_label.h"

namespace convoy {
namespace {

void CheckRate(const char* optimizer, const char* what, double value) {
  CONVOY_CHECK(std::isfinite(value) && value >= 0, "[{}] {} must be 0 or more, got {}", optimizer,
               what, value);
}

// Empty if the two have nothing in common.
ElementRange Intersection(const ElementRange& a, const ElementRange& b) {
  const int64_t begin = std::max(a.begin, b.begin);
  return {begin, std::max(begin, std::min(a.end, b.end))};
}

// Runs of owned elements with equal hyper-parameters, merged, as a table on the device.
Tensor Segments(const FlatBucket& bucket, double weight_decay,
                const std::vector<ParamGroup>& groups) {
  std::vector<UpdateSegment> segments;
  for (size_t e = 0; e < bucket.entries.size(); ++e) {
    const FlatEntry& entry = bucket.entries[e];
    const bool last = e + 1 == bucket.entries.size();
    const int64_t end = last ? bucket.numel() : bucket.entries[e + 1].offset;
    const ElementRange here = Intersection({entry.offset, end}, bucket.owned);
    if (here.size() == 0) continue;
    UpdateSegment segment = {static_cast<double>(here.begin - bucket.owned.begin),
                             static_cast<double>(here.end - bucket.owned.begin), 1, weight_decay};
    const bool frozen = !entry.parameter.tensor.requires_grad();
    const auto group = std::find_if(groups.begin(), groups.end(), [&](const ParamGroup& g) {
      return g.matches && g.matches(entry.parameter);
    });
    if (group != groups.end()) {
      segment.lr_scale = group->lr_scale;
      segment.weight_decay = group->weight_decay.value_or(weight_decay);
    }
    if (frozen) segment.lr_scale = segment.weight_decay = 0;
    if (!segments.empty() && segments.back().lr_scale == segment.lr_scale &&
        segments.back().weight_decay == segment.weight_decay) {
      segments.back().end = segment.end;
    } else {
      segments.push_back(segment);
    }
  }
  std::vector<double> table;
  for (const auto& [begin, end, lr_scale, decay] : segments) {
    table.insert(table.end(), {begin, end, lr_scale, decay});
  }
  return Tensor::From({static_cast<int64_t>(segments.size()), UpdateSegment::kFields}, table,
                      bucket.values.device());
}

}  // namespace

std::vector<ParamGroup> NoDecayOnBiasesAndNorms() {
  return {{.matches = [](const NamedTensor& parameter) { return parameter.tensor.ndim() < 2; },
           .weight_decay = 0.0}};
}

Optimizer::Optimizer(const FlatParameters& parameters, const Hyper& hyper)
    : name_(hyper.name),
      parameters_(parameters),
      groups_(hyper.groups),
      lr_(hyper.lr),
      weight_decay_(hyper.weight_decay),
      beta1_(hyper.beta1),
      beta2_(hyper.beta2),
      state_names_(hyper.state_names) {
  CheckRate(name_, "lr", hyper.lr);
  CheckRate(name_, "weight_decay", hyper.weight_decay);
  for (const ParamGroup& group : hyper.groups) {
    CheckRate(name_, "a group's lr_scale", group.lr_scale);
    CheckRate(name_, "a group's weight_decay", group.weight_decay.value_or(0));
  }
  const MemoryLabel label("optimizer state");
  int64_t parts = 0;
  for (const FlatBucket& flat : parameters_.buckets()) {
    BucketState& bucket = buckets_.emplace_back();
    bucket.first_part = parts;
    parts += flat.numel() / kFlatAlignElements;
    const DType dtype = flat.values.dtype();
    const DType compute = dtype == DType::kF64 ? DType::kF64 : DType::kF32;
    const TensorOptions options = {compute, flat.values.device()};
    const Shape owned = {flat.owned.size()};
    if (dtype != compute) bucket.master = Tensor::Zeros(owned, options);
    for (size_t s = 0; s < state_names_.size(); ++s) {
      bucket.states.push_back(Tensor::Zeros(owned, options));
    }
  }
  MakeStepBuffers(parts);
  frozen_.resize(parameters_.parameters().size());
  MakeSegments();
}

void Optimizer::MakeSegments() {
  for (size_t b = 0; b < buckets_.size(); ++b) {
    if (recorded_) old_segments_.push_back(buckets_[b].segments);
    buckets_[b].segments = Segments(parameters_.buckets()[b], weight_decay_, groups_);
  }
  recorded_ = false;
}

void Optimizer::FollowFrozen() {
  bool changed = false;
  for (size_t i = 0; i < frozen_.size(); ++i) {
    const bool frozen = !parameters_.parameters()[i].tensor.requires_grad();
    changed = changed || frozen != frozen_[i];
    frozen_[i] = frozen;
  }
  if (changed) MakeSegments();
}

UpdateBucket Optimizer::BucketViews(size_t b) const {
  const FlatBucket& flat = parameters_.buckets()[b];
  const BucketState& state = buckets_[b];
  UpdateBucket views{.values = flat.OwnedValues(),
                     .gradients = flat.OwnedGradients(),
                     .master = state.master,
                     .segments = state.segments,
                     .control = step_.control};
  CONVOY_CHECK(state.states.size() <= views.states.size(),
               "[Optimizer] a rule has {} state buffers, and kernels take at most {}",
               state.states.size(), views.states.size());
  std::copy(state.states.begin(), state.states.end(), views.states.begin());
  return views;
}

// Where the kernels of a step find everything; nothing of this changes later.
void Optimizer::MakeStepBuffers(int64_t parts) {
  const ParameterList& list = parameters_.parameters();
  const Device device = list.empty() ? Device::Cpu() : list.front().tensor.device();
  std::vector<int64_t> entries;
  for (size_t b = 0; b < buckets_.size(); ++b) {
    for (const FlatEntry& entry : parameters_.buckets()[b].entries) {
      entries.push_back(buckets_[b].first_part + entry.offset / kFlatAlignElements);
    }
  }
  const StepControl start = {.lr = lr_,
                             .grad_scale = 1,
                             .grad_norm = std::numeric_limits<double>::quiet_NaN(),
                             .loss_scale = 1,
                             .bad_parameter = -1};
  std::vector<double> fields(static_cast<size_t>(StepControl::kFields));
  std::memcpy(fields.data(), &start, sizeof(start));
  step_.control = Tensor::From({StepControl::kFields}, fields, device);
  step_.counters = Tensor::Zeros({StepCounters::kFields}, {DType::kI64, device});
  step_.parts = Tensor::Zeros({parts}, {DType::kF64, device});
  step_.entries = Tensor::From({static_cast<int64_t>(entries.size())}, entries, device);
}

Tensor Optimizer::PartsOf(size_t b) const {
  return step_.parts.View({parameters_.buckets()[b].numel() / kFlatAlignElements},
                          buckets_[b].first_part);
}

void Optimizer::MeasureGradients() {
  std::vector<Tensor> parts;
  for (size_t b = 0; b < buckets_.size(); ++b) {
    const FlatBucket& bucket = parameters_.buckets()[b];
    if (bucket.before_read) bucket.before_read();
    parts.push_back(PartsOf(b));
    sum_of_squares(bucket.gradients.device(), bucket.OwnedGradients(),
                   parts.back().View({bucket.owned.size() / kFlatAlignElements},
                                     bucket.owned.begin / kFlatAlignElements));
  }
  parameters_.Share(parts);
}

void Optimizer::Step(const StepOptions& options) {
  CONVOY_CHECK(options.max_grad_norm > 0, "[{}] max_grad_norm must be over 0, got {}", name_,
               options.max_grad_norm);
  const Device device = step_.control.device();
  const StepRule rule = {.max_grad_norm = options.max_grad_norm,
                         .non_finite = options.non_finite,
                         .measure = std::isfinite(options.max_grad_norm) ||
                                    options.non_finite != NonFinite::kPropagate ||
                                    options.scaler != nullptr,
                         .beta1 = beta1_,
                         .beta2 = beta2_,
                         .scaler = options.scaler ? options.scaler->rule() : ScalerRule{}};
  const Tensor scaler = options.scaler ? options.scaler->state() : Tensor();
  CONVOY_CHECK(!scaler.defined() || scaler.device() == device,
               "[{}] the parameters are on {}, but the loss scaler on {}", name_, device.ToString(),
               scaler.device().ToString());
  parameters_.CheckInPlace();
  parameters_.BeforeStep();
  parameters_.ZeroMissingGradients();
  FollowFrozen();
  recorded_ = recorded_ || GetBackend(device.type).IsRecording();
  if (rule.measure) MeasureGradients();
  prepare_step(device,
               {.control = step_.control,
                .counters = step_.counters,
                .parts = step_.parts,
                .entries = step_.entries},
               scaler, rule);
  for (size_t b = 0; b < buckets_.size(); ++b) {
    // An update does not wait for the sums of later buckets, unless the norm had to.
    const FlatBucket& flat = parameters_.buckets()[b];
    if (!rule.measure && flat.before_read) flat.before_read();
    Update(BucketViews(b));
    parameters_.AfterUpdate(b);
  }
  parameters_.AfterStep();
}

void Optimizer::set_lr(double lr) {
  CheckRate(name_, "lr", lr);
  if (lr == lr_) return;
  lr_ = lr;
  const Device device = step_.control.device();
  GetBackend(device.type).Fill(device, &ControlOf(step_.control)->lr, DType::kF64, lr, 1);
}

StepStatus Optimizer::Decode(const std::vector<double>& status) const {
  CONVOY_CHECK(status.size() == static_cast<size_t>(StepControl::kFields),
               "[{}] a status has {} values, got {}", name_, StepControl::kFields, status.size());
  StepControl control;
  std::memcpy(&control, status.data(), sizeof(control));
  StepStatus result = {.steps = static_cast<int64_t>(control.steps),
                       .skipped_steps = static_cast<int64_t>(control.skipped_steps),
                       .skipped = control.skip != 0,
                       .stopped = control.stopped != 0,
                       .grad_norm = control.grad_norm,
                       .loss_scale = control.loss_scale,
                       .bad_step = static_cast<int64_t>(control.bad_step)};
  int64_t index = static_cast<int64_t>(control.bad_parameter);
  for (const FlatBucket& bucket : parameters_.buckets()) {
    const int64_t count = static_cast<int64_t>(bucket.entries.size());
    if (index >= 0 && index < count) {
      result.bad_parameter = bucket.entries[static_cast<size_t>(index)].parameter.name;
    }
    index -= count;
  }
  return result;
}

void Optimizer::CheckNotStopped(const StepStatus& status) const {
  if (!status.stopped) return;
  if (status.bad_parameter.empty()) {
    Fail("[{}] step {}: the norm of the gradients is not finite", name_, status.bad_step);
  }
  Fail("[{}] step {}: the norm of the gradient of '{}' is not finite", name_, status.bad_step,
       status.bad_parameter);
}

std::vector<StateTensor> Optimizer::State() const {
  std::vector<StateTensor> state = {{"step", {}, {0, 1}, step_.counters.View({}, 0)},
                                    {"skipped_steps", {}, {0, 1}, step_.counters.View({}, 1)}};
  for (size_t b = 0; b < buckets_.size(); ++b) {
    const FlatBucket& bucket = parameters_.buckets()[b];
    for (const FlatEntry& entry : bucket.entries) {
      const Shape& shape = entry.parameter.tensor.shape();
      const int64_t numel = shape.numel();
      const ElementRange here = Intersection({entry.offset, entry.offset + numel}, bucket.owned);
      if (here.size() == 0 && numel > 0) continue;
      const int64_t from = numel > 0 ? here.begin - bucket.owned.begin : 0;
      const auto add = [&](const std::string& kind, const Tensor& flat) {
        state.push_back({kind + "." + entry.parameter.name,
                         shape,
                         {here.begin - entry.offset, here.end - entry.offset},
                         flat.View(here.size() == numel ? shape : Shape({here.size()}), from)});
      };
      for (size_t s = 0; s < state_names_.size(); ++s) add(state_names_[s], buckets_[b].states[s]);
      if (buckets_[b].master.defined()) add("master", buckets_[b].master);
    }
  }
  return state;
}

int64_t Optimizer::StateBytes() const {
  int64_t bytes = 0;
  for (const BucketState& bucket : buckets_) {
    for (const Tensor& state : bucket.states) bytes += static_cast<int64_t>(state.bytes());
    if (bucket.master.defined()) bytes += static_cast<int64_t>(bucket.master.bytes());
  }
  return bytes;
}

}  // namespace convoy
