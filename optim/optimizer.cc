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

// Runs of entries with equal hyper-parameters, merged, as a table on the device.
Tensor Segments(const FlatBucket& bucket, double weight_decay,
                const std::vector<ParamGroup>& groups) {
  std::vector<UpdateSegment> segments;
  for (size_t e = 0; e < bucket.entries.size(); ++e) {
    const FlatEntry& entry = bucket.entries[e];
    const bool last = e + 1 == bucket.entries.size();
    const int64_t end = last ? bucket.numel() : bucket.entries[e + 1].offset;
    UpdateSegment segment = {static_cast<double>(entry.offset), static_cast<double>(end), 1,
                             weight_decay};
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
  MakeStepBuffers();
  for (const FlatBucket& flat : parameters_.buckets()) {
    BucketState& bucket = buckets_.emplace_back();
    const DType dtype = flat.values.dtype();
    const DType compute = dtype == DType::kF64 ? DType::kF64 : DType::kF32;
    const TensorOptions options = {compute, flat.values.device()};
    if (dtype != compute) bucket.master = Tensor::Zeros({flat.numel()}, options);
    for (size_t s = 0; s < state_names_.size(); ++s) {
      bucket.states.push_back(Tensor::Zeros({flat.numel()}, options));
    }
  }
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
  UpdateBucket views{.values = flat.values,
                     .gradients = flat.gradients,
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
void Optimizer::MakeStepBuffers() {
  const ParameterList& list = parameters_.parameters();
  const Device device = list.empty() ? Device::Cpu() : list.front().tensor.device();
  std::vector<int64_t> spans, entries;
  int64_t parts = 0;
  for (const FlatBucket& bucket : parameters_.buckets()) {
    spans.insert(spans.end(), {reinterpret_cast<int64_t>(bucket.gradients.raw_data()),
                               static_cast<int64_t>(bucket.gradients.dtype()), bucket.numel(),
                               parts, static_cast<int64_t>(entries.size())});
    for (const FlatEntry& entry : bucket.entries) entries.push_back(entry.offset);
    parts += NormChunks(bucket.numel());
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
  step_.spans = Tensor::From(
      {static_cast<int64_t>(parameters_.buckets().size()), GradientSpan::kFields}, spans, device);
  step_.entries = Tensor::From({static_cast<int64_t>(entries.size())}, entries, device);
}

void Optimizer::MeasureGradients() {
  int64_t first = 0;
  for (const FlatBucket& bucket : parameters_.buckets()) {
    if (bucket.before_read) bucket.before_read();
    const int64_t chunks = NormChunks(bucket.numel());
    sum_of_squares(bucket.gradients.device(), bucket.gradients, step_.parts.View({chunks}, first));
    first += chunks;
  }
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
                .spans = step_.spans,
                .entries = step_.entries},
               scaler, rule);
  for (size_t b = 0; b < buckets_.size(); ++b) {
    // An update does not wait for the sums of later buckets, unless the norm had to.
    const FlatBucket& flat = parameters_.buckets()[b];
    if (!rule.measure && flat.before_read) flat.before_read();
    Update(BucketViews(b));
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
  Fail("[{}] step {}: the gradient of '{}' is not finite", name_, status.bad_step,
       status.bad_parameter);
}

ParameterList Optimizer::State() const {
  ParameterList state = {{"step", step_.counters.View({}, 0)},
                         {"skipped_steps", step_.counters.View({}, 1)}};
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
