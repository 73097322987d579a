// Data-parallel training: identical replicas, gradients summed over all workers during backward.
#include "parallel/data_parallel.h"

#include <cmath>
#include <exception>
#include <string>

#include "core/autograd.h"
#include "core/base/error.h"
#include "parallel/data_parallel/plan_check.h"
#include "parallel/data_parallel/reducer.h"

namespace convoy {
namespace {

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

std::shared_ptr<GradSync> SyncOf(const Worker& worker, const DataParallelOptions& options) {
  CONVOY_CHECK(options.sync == nullptr || options.shard == Shard::kNone,
               "[DataParallel] give it a policy (sync) or a kind of sharding (shard), not both");
  if (options.sync != nullptr) return options.sync;
  if (worker.world_size() == 1) return nullptr;  // the gradients are complete as they are
  if (options.shard == Shard::kOptimizer) return std::make_shared<ShardedSync>(worker.group());
  return std::make_shared<AllReduceSync>(worker.group());
}

}  // namespace

DataParallel::DataParallel(Worker& worker, const ParameterList& parameters,
                           DataParallelOptions options)
    : worker_(worker), exceptions_(std::uncaught_exceptions()) {
  CheckOnDevice("parameter", parameters, worker);
  CheckOnDevice("buffer", options.buffers, worker);
  const BucketPlan plan = options.plan ? *options.plan : PlanBuckets(parameters, options.buckets);
  CheckSamePlan(worker, DescribePlan(parameters, plan) + DescribeBuffers(options.buffers));
  const std::shared_ptr<GradSync> sync = SyncOf(worker, options);
  flat_ = FlatParameters(parameters, plan, sync ? sync->Ownership() : FlatOptions());
  std::vector<Work> broadcasts;
  for (const FlatBucket& bucket : flat_.buckets()) {
    worker.group().Register(bucket.gradients);
    broadcasts.push_back(worker.group().Broadcast(bucket.values, 0));
  }
  for (const auto& [name, tensor] : options.buffers) {
    broadcasts.push_back(worker.group().Broadcast(tensor, 0));
  }
  for (Work& broadcast : broadcasts) broadcast.Wait();
  reducer_ = std::make_unique<Reducer>(worker.device(), flat_, sync);
}

// Gradients stay readable: their allreduces are finished now, while there is a group for sure. But
// not if an error is on its way, which the others may have to learn of before they do their part.
DataParallel::~DataParallel() {
  if (std::uncaught_exceptions() > exceptions_) return;
  try {
    reducer_->Settle();
  } catch (const std::exception&) {
    // A caller that reads a gradient gets the error.
  }
}

const StepStats& DataParallel::stats() const { return reducer_->stats(); }

void DataParallel::set_tracing(bool on) { reducer_->set_tracing(on); }

std::shared_ptr<const BackwardTrace> DataParallel::trace() const { return reducer_->trace(); }

void DataParallel::Backward(const Tensor& loss, const Batch& batch, const ReduceOptions& options) {
  Backward(loss, batch.share, options);
}

void DataParallel::Backward(const Tensor& loss, double weight, const ReduceOptions& options) {
  CONVOY_CHECK(options.micro_batch >= 0 && options.micro_batch < options.micro_batches,
               "[DataParallel] micro_batch {} is not one of {}", options.micro_batch,
               options.micro_batches);
  CONVOY_CHECK(std::isfinite(weight) && weight >= 0,
               "[DataParallel] weight must be finite and not negative, got {}", weight);
  reducer_->Begin(options.micro_batch, options.micro_batches);
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
  reducer_->End(options.micro_batch, options.micro_batches);
}

}  // namespace convoy
