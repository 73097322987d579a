// Follows a Backward, and hands every bucket of gradients that is complete to a GradSync.
#include "parallel/data_parallel/reducer.h"

#include <algorithm>
#include <utility>

#include "core/autograd.h"
#include "core/backend.h"
#include "core/base/error.h"
#include "core/time_mark.h"
#include "parallel/data_parallel/bucket_plan.h"

namespace convoy {
namespace {

double MillisecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

std::string NameOf(size_t index, const FlatBucket& bucket) {
  std::vector<std::string> names;
  for (const FlatEntry& entry : bucket.entries) names.push_back(entry.parameter.name);
  return BucketName(index, names);
}

// Whether any gradient was written and not used since.
bool AnyFresh(const ParameterList& parameters) {
  return std::any_of(parameters.begin(), parameters.end(),
                     [](const NamedTensor& p) { return HasFreshGrad(p.tensor); });
}

}  // namespace

Reducer::Reducer(Device device, FlatParameters parameters, std::shared_ptr<GradSync> sync)
    : device_(device),
      parameters_(std::move(parameters)),
      sync_(std::move(sync)),
      names_(std::make_shared<std::vector<std::string>>()) {
  for (size_t b = 0; b < parameters_.buckets().size(); ++b) {
    const FlatBucket& bucket = parameters_.buckets()[b];
    for (const FlatEntry& entry : bucket.entries) {
      places_.try_emplace(entry.parameter.tensor.impl(), Place{b, places_.size()});
    }
    names_->push_back(NameOf(b, bucket));
    SetReadHooks(b);
  }
  SetStepHooks();
}

void Reducer::SetReadHooks(size_t b) {
  const auto before_read = [reductions = reductions_, order = order_, b] {
    order->Read();
    reductions->Wait(b);
  };
  parameters_.SetBeforeRead(b, before_read);
  const FlatBucket& bucket = parameters_.buckets()[b];
  for (const FlatEntry& entry : bucket.entries) {
    const Tensor& parameter = entry.parameter.tensor;
    const bool whole =
        bucket.owned.begin <= entry.offset && entry.offset + parameter.numel() <= bucket.owned.end;
    if (whole) continue;
    SetBeforeGradUse(parameter, [before_read, order = order_, name = entry.parameter.name] {
      CONVOY_CHECK(!order->reduced(),
                   "[DataParallel] the gradient of '{}' is not whole on this worker, since workers "
                   "share the optimizer's work: each has the sum of FlatBucket::OwnedGradients() "
                   "alone",
                   name);
      before_read();
    });
  }
}

void Reducer::SetStepHooks() {
  // They hold neither this object, which they may outlive, nor the FlatParameters, which owns them.
  StepHooks hooks;
  hooks.before_step = [order = order_, list = parameters_.parameters()] {
    order->BeforeStep(AnyFresh(list));
  };
  if (sync_ != nullptr) {
    hooks.share = [sync = sync_](std::span<const Tensor> tensors) { sync->Share(tensors); };
    hooks.after_update = [sync = sync_, names = names_, reductions = reductions_,
                          buckets = parameters_.buckets()](size_t b) {
      reductions->AddGather(sync->Gather(buckets[b], (*names)[b]));
    };
  }
  hooks.after_step = [order = order_, reductions = reductions_, device = device_] {
    reductions->WaitGathers();
    order->AfterStep(GetBackend(device.type).IsRecording());
  };
  parameters_.SetStepHooks(std::move(hooks));
}

void Reducer::Begin(int micro_batch, int micro_batches) {
  order_->Begin(micro_batch, micro_batches, AnyFresh(parameters_.parameters()));
  reductions_->WaitAll();  // of buckets that were not read
}

void Reducer::Start(const std::function<bool(const Tensor&)>& reached) {
  start_ = Clock::now();
  stats_ = {};
  StartTrace();
  reductions_->Clear(device_, trace_);
  missing_.clear();
  for (const FlatBucket& bucket : parameters_.buckets()) {
    stats_.buckets.push_back({.bytes = static_cast<int64_t>(bucket.gradients.bytes())});
    stats_.bytes += stats_.buckets.back().bytes;
    int& count = missing_.emplace_back(0);
    for (const auto& [parameter, offset] : bucket.entries) {
      if (reached(parameter.tensor)) {
        ++count;
      } else if (!HasFreshGrad(parameter.tensor)) {
        bucket.gradients.View(parameter.tensor.shape(), offset).Zero();
        MarkGradFresh(parameter.tensor);
      }
    }
  }
  ReduceReady();
}

// What is not reached is ready from the beginning.
void Reducer::StartTrace() {
  trace_.reset();
  if (!tracing_) return;
  trace_ = std::make_shared<BackwardTrace>();
  trace_->begin = MarkTime(device_);
  for (const FlatBucket& bucket : parameters_.buckets()) {
    trace_->buckets.push_back({.name = (*names_)[trace_->buckets.size()],
                               .bytes = static_cast<int64_t>(bucket.gradients.bytes()),
                               .ready = trace_->begin});
    for (const auto& [parameter, offset] : bucket.entries) {
      trace_->parameters.push_back({.name = parameter.name,
                                    .bytes = static_cast<int64_t>(parameter.tensor.bytes()),
                                    .ready = trace_->begin});
    }
  }
}

void Reducer::LeafDone(const Tensor& leaf) {
  const auto at = places_.find(leaf.impl());
  if (at == places_.end()) return;  // a leaf that is not one of the parameters
  const auto [bucket, parameter] = at->second;
  if (trace_) {
    trace_->parameters[parameter].ready = trace_->buckets[bucket].ready = MarkTime(device_);
  }
  if (--missing_[bucket] > 0) return;
  stats_.buckets[bucket].ready_ms = MillisecondsSince(start_);
  ReduceReady();
}

// Strictly in index order, so that all workers start the same reductions in the same order.
void Reducer::ReduceReady() {
  if (sync_ == nullptr) return;
  while (reductions_->size() < missing_.size() && missing_[reductions_->size()] == 0) {
    const size_t b = reductions_->size();
    if (trace_) trace_->buckets[b].called = MarkTime(device_);
    reductions_->Add(sync_->Reduce(parameters_.buckets()[b], (*names_)[b]));
    if (trace_) trace_->buckets[b].returned = MarkTime(device_);
  }
}

void Reducer::Finish() {
  stats_.backward_ms = MillisecondsSince(start_);
  if (trace_) trace_->end = MarkTime(device_);
}

void Reducer::Settle() {
  reductions_->WaitAll();
  reductions_->Clear(device_, nullptr);
}

const StepStats& Reducer::stats() {
  for (size_t b = 0; b < reductions_->size(); ++b) {
    stats_.buckets[b].comm_ms = reductions_->comm_ms(b);
  }
  stats_.exposed_comm_ms = reductions_->waited_ms();
  return stats_;
}

}  // namespace convoy
