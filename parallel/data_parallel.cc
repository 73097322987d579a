// Data-parallel training: identical replicas, gradients summed over all workers during backward.
#include "parallel/data_parallel.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <string>
#include <unordered_map>

#include "core/autograd.h"
#include "core/backend.h"
#include "core/base/error.h"
#include "core/time_mark.h"
#include "parallel/data_parallel/call_order.h"
#include "parallel/data_parallel/pending_reductions.h"
#include "parallel/data_parallel/plan_check.h"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

std::string NameOf(size_t index, const FlatBucket& bucket) {
  std::vector<std::string> names;
  for (const FlatEntry& entry : bucket.entries) names.push_back(entry.parameter.name);
  return BucketName(index, names);
}

void CheckOnDevice(const char* kind, const ParameterList& tensors, const Worker& worker) {
  for (const auto& [name, tensor] : tensors) {
    CONVOY_CHECK(tensor.defined(), "[DataParallel] {} '{}' is undefined", kind, name);
    CONVOY_CHECK(
        tensor.device() == worker.device(),
        "[DataParallel] {} '{}' is on {}, but worker {} computes on {}; build the model on "
        "worker.device()",
        kind, name, tensor.device().ToString(), worker.rank(), worker.device().ToString());
  }
}

// Whether any gradient was written and not used since.
bool AnyFresh(const ParameterList& parameters) {
  return std::any_of(parameters.begin(), parameters.end(),
                     [](const NamedTensor& p) { return HasFreshGrad(p.tensor); });
}

}  // namespace

// One reduced Backward: counts every bucket's gradients down and starts its sum.
struct DataParallel::Reducer {
  Reducer(Worker& worker, FlatParameters& flat_in, StepStats& stats_in)
      : group(worker.group()), device(worker.device()), flat(flat_in), stats(stats_in) {
    for (size_t b = 0; b < flat.buckets().size(); ++b) {
      for (const FlatEntry& entry : flat.buckets()[b].entries) {
        places.try_emplace(entry.parameter.tensor.impl(), Place{b, places.size()});
      }
      names.push_back(NameOf(b, flat.buckets()[b]));
      flat_in.SetBeforeRead(b, [reductions = reductions, order = order, b] {
        order->Read();
        reductions->Wait(b);
      });
    }
    flat_in.SetStepHooks(
        [order = order, parameters = flat.parameters()] {
          order->BeforeStep(AnyFresh(parameters));
        },
        [order = order, device = device] {
          order->AfterStep(GetBackend(device.type).IsRecording());
        });
  }

  // Parameters that this pass does not reach are ready at once: with what earlier micro-batches
  // have left, or zero.
  void Start(const std::function<bool(const Tensor&)>& reached) {
    start = Clock::now();
    stats = {};
    StartTrace();
    reductions->Clear(device, trace);
    missing.clear();
    for (const FlatBucket& bucket : flat.buckets()) {
      stats.buckets.push_back({.bytes = static_cast<int64_t>(bucket.gradients.bytes())});
      stats.bytes += stats.buckets.back().bytes;
      int& count = missing.emplace_back(0);
      for (const auto& [parameter, offset] : bucket.entries) {
        if (reached(parameter.tensor)) {
          ++count;
        } else if (!HasFreshGrad(parameter.tensor)) {
          bucket.gradients.View(parameter.tensor.shape(), offset).Zero();
          MarkGradFresh(parameter.tensor);
        }
      }
    }
    LaunchReady();
  }

  // What is not reached is ready from the begin.
  void StartTrace() {
    trace.reset();
    if (!tracing) return;
    trace = std::make_shared<BackwardTrace>();
    trace->begin = MarkTime(device);
    for (const FlatBucket& bucket : flat.buckets()) {
      trace->buckets.push_back({.name = names[trace->buckets.size()],
                                .bytes = static_cast<int64_t>(bucket.gradients.bytes()),
                                .ready = trace->begin});
      for (const auto& [parameter, offset] : bucket.entries) {
        trace->parameters.push_back({.name = parameter.name,
                                     .bytes = static_cast<int64_t>(parameter.tensor.bytes()),
                                     .ready = trace->begin});
      }
    }
  }

  void LeafDone(const Tensor& leaf) {
    const auto at = places.find(leaf.impl());
    if (at == places.end()) return;  // a leaf that is not one of our parameters
    const auto [bucket, parameter] = at->second;
    if (trace) {
      trace->parameters[parameter].ready = trace->buckets[bucket].ready = MarkTime(device);
    }
    if (--missing[bucket] > 0) return;
    stats.buckets[bucket].ready_ms = MillisecondsSince(start);
    LaunchReady();
  }

  // Strictly in index order, so that all workers start the same allreduces in the same order.
  void LaunchReady() {
    if (group.size() == 1) return;
    while (reductions->size() < missing.size() && missing[reductions->size()] == 0) {
      const size_t b = reductions->size();
      if (trace) trace->buckets[b].called = MarkTime(device);
      reductions->Add(group.AllReduce(flat.buckets()[b].gradients, ReduceOp::kSum, names[b]));
      if (trace) trace->buckets[b].returned = MarkTime(device);
    }
  }

  void Finish() {
    stats.backward_ms = MillisecondsSince(start);
    if (trace) trace->end = MarkTime(device);
  }

  // What is known by now of the times of the allreduces.
  void ReadTimes() {
    for (size_t b = 0; b < reductions->size(); ++b)
      stats.buckets[b].comm_ms = reductions->comm_ms(b);
    stats.exposed_comm_ms = reductions->waited_ms();
  }

  struct Place {
    size_t bucket;
    size_t parameter;  // in the order of the plan
  };

  ProcessGroup& group;
  const Device device;
  const FlatParameters& flat;
  StepStats& stats;
  std::unordered_map<const internal::TensorImpl*, Place> places;
  std::vector<std::string> names;  // of the buckets, for messages

  Clock::time_point start;
  std::vector<int> missing;  // by bucket: gradients still to come in this pass
  const std::shared_ptr<PendingReductions> reductions = std::make_shared<PendingReductions>();
  const std::shared_ptr<CallOrder> order = std::make_shared<CallOrder>();

  bool tracing = false;
  std::shared_ptr<BackwardTrace> trace;  // of this pass; null without tracing
};

DataParallel::DataParallel(Worker& worker, const ParameterList& parameters,
                           DataParallelOptions options)
    : worker_(worker), exceptions_(std::uncaught_exceptions()) {
  CheckOnDevice("parameter", parameters, worker);
  CheckOnDevice("buffer", options.buffers, worker);
  const BucketPlan plan = options.plan ? *options.plan : PlanBuckets(parameters, options.buckets);
  CheckSamePlan(worker, DescribePlan(parameters, plan) + DescribeBuffers(options.buffers));
  flat_ = FlatParameters(parameters, plan);
  std::vector<Work> broadcasts;
  for (const FlatBucket& bucket : flat_.buckets()) {
    worker.group().Register(bucket.gradients);
    broadcasts.push_back(worker.group().Broadcast(bucket.values, 0));
  }
  for (const auto& [name, tensor] : options.buffers) {
    broadcasts.push_back(worker.group().Broadcast(tensor, 0));
  }
  for (Work& broadcast : broadcasts) broadcast.Wait();
  reducer_ = std::make_unique<Reducer>(worker, flat_, stats_);
}

// Gradients stay readable: their allreduces are finished now, while there is a group for sure. But
// not if an error is on its way, which the others may have to learn of before they do their part.
DataParallel::~DataParallel() {
  if (std::uncaught_exceptions() > exceptions_) return;
  try {
    reducer_->reductions->WaitAll();
    reducer_->reductions->Clear(worker_.device(), nullptr);
  } catch (const std::exception&) {
    // A caller that reads a gradient gets the error.
  }
}

const StepStats& DataParallel::stats() const {
  reducer_->ReadTimes();
  return stats_;
}

void DataParallel::set_tracing(bool on) { reducer_->tracing = on; }

std::shared_ptr<const BackwardTrace> DataParallel::trace() const { return reducer_->trace; }

void DataParallel::Backward(const Tensor& loss, const Batch& batch, const ReduceOptions& options) {
  Backward(loss, batch.share, options);
}

void DataParallel::Backward(const Tensor& loss, double weight, const ReduceOptions& options) {
  CONVOY_CHECK(options.micro_batch >= 0 && options.micro_batch < options.micro_batches,
               "[DataParallel] micro_batch {} is not one of {}", options.micro_batch,
               options.micro_batches);
  CONVOY_CHECK(std::isfinite(weight) && weight >= 0,
               "[DataParallel] weight must be finite and not negative, got {}", weight);
  reducer_->order->Begin(options.micro_batch, options.micro_batches, AnyFresh(flat_.parameters()));
  reducer_->reductions->WaitAll();  // of buckets that were not read
  if (options.micro_batch == 0) {
    flat_.CheckInPlace();
    flat_.ConsumeGradients();
  }

  BackwardOptions pass{.scale = weight};
  if (options.micro_batch == options.micro_batches - 1) {
    pass.on_start = [this](const auto& reached) { reducer_->Start(reached); };
    pass.on_leaf = [this](const Tensor& leaf) { reducer_->LeafDone(leaf); };
    pass.on_end = [this] { reducer_->Finish(); };
  }
  if (options.scaler != nullptr) {
    pass.scale = 1;
    pass.seed = options.scaler->Seed(loss, weight);
  }
  if (weight > 0) {
    convoy::Backward(loss, pass);
  } else if (pass.on_start) {  // no samples here: takes part without a gradient of its own
    pass.on_start([](const Tensor&) { return false; });
    pass.on_end();
  }
  reducer_->order->End(options.micro_batch, options.micro_batches);
}

}  // namespace convoy
