// TrainStep: forward, backward, update, and the report that follows them.
#include "models/trainers/common/train_step.h"

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <limits>

#include "core/autograd.h"
#include "core/backend.h"
#include "core/base/error.h"
#include "models/data/micro_batch.h"
#include "ops/binary.h"
#include "ops/cast.h"

namespace convoy {
namespace {

// What is summed over the workers in every step. In the report this worker's own loss and the
// optimizer's status follow.
enum Sum : int64_t { kLoss, kInterrupted, kTerminated, kSamples, kGivenUp, kSums };
constexpr int64_t kStatus = kSums + 1;

Sum SumOf(int stop_signal) { return stop_signal == SIGINT ? kInterrupted : kTerminated; }

}  // namespace

TrainStep::TrainStep(Worker& worker, Task& task, const CommonFlags& flags)
    : worker_(worker),
      task_(task),
      flags_(flags),
      net_(worker, task.model().Parameters(), flags.buckets.Options(task.model().Parameters())),
      optimizer_(flags.optimizer.MakeOptimizer(net_.Parameters())) {
  const Device device = worker.device();
  if (flags.model.dtype == DType::kF16) scaler_.emplace(device);
  host_part_ = Tensor::Zeros({kSums}, {DType::kF64, device});
  report_ = Tensor::Zeros({kStatus + optimizer_->status().numel()}, {DType::kF64, device});
  sums_ = report_.View({kSums});
  if (flags.graph.cuda_graph) graph_.emplace(worker);
}

void TrainStep::AddLoss(const Tensor& loss, double weight) {
  const NoGrad no_grad;
  const Tensor part = Cast(loss.Detach(), DType::kF64) * weight;
  GetBackend(part.device().type)
      .AddInto(part.device(), sums_.raw_data(), part.raw_data(), DType::kF64, 1);
}

void TrainStep::Compute(const Batch& batch, int (*stop_signal)()) {
  const LossScaler* scaler = scaler_ ? &*scaler_ : nullptr;
  sums_.CopyFrom(host_part_);
  Work summed;
  // On a GPU the host is far ahead of the device, and nothing can be taken back.
  const bool can_give_up = flags_.run.micro_batches > 1 && worker_.device().is_cpu();
  bool given_up = false;
  for (int64_t m = 0; m < flags_.run.micro_batches; ++m) {
    if (const int signal = can_give_up && m > 0 ? stop_signal() : 0; signal != 0 && !given_up) {
      // The other workers wait for the allreduce of the last micro-batch, which tells them.
      given_up = true;
      m = flags_.run.micro_batches - 1;
      sums_.data<double>()[kGivenUp] = sums_.data<double>()[SumOf(signal)] = 1;
    }
    const Batch part = MicroBatch(batch, m, flags_.run.micro_batches);
    const double weight = given_up ? 0 : part.share;
    Enter(StepPhase::kForward);
    const Tensor loss = task_.Loss(part);
    if (weight > 0) AddLoss(loss, weight);
    // One small allreduce a step carries all that workers must agree on; backward hides it.
    if (m + 1 == flags_.run.micro_batches) {
      report_.View({}, kSums).CopyFrom(sums_.View({}));
      summed = worker_.group().AllReduce(sums_, ReduceOp::kSum, "loss and stop");
    }
    Enter(StepPhase::kBackward);
    net_.Backward(loss, weight,
                  {.scaler = scaler,
                   .micro_batch = static_cast<int>(m),
                   .micro_batches = static_cast<int>(flags_.run.micro_batches)});
  }
  Enter(StepPhase::kOther);
  summed.Wait();
  if (can_give_up && sums_.data<double>()[kGivenUp] > 0) return;
  Enter(StepPhase::kOptimizer);
  StepOptions options{.non_finite = flags_.run.on_non_finite,
                      .scaler = scaler_ ? &*scaler_ : nullptr};
  if (flags_.optimizer.clip > 0) options.max_grad_norm = flags_.optimizer.clip;
  optimizer_->Step(options);
  const Tensor& status = optimizer_->status();
  report_.View(status.shape(), kStatus).CopyFrom(status);
}

void TrainStep::Profile(bool on) {
  if (on && !profiler_) profiler_.emplace(worker_, net_);
  profiling_ = on;
  net_.set_tracing(on);
}

void TrainStep::Enter(StepPhase phase) {
  if (profiling_) profiler_->Enter(phase);
}

Readback TrainStep::Start(double lr, int (*stop_signal)()) {
  Enter(StepPhase::kLoad);
  const Batch batch = task_.NextBatch();
  Enter(StepPhase::kOther);
  optimizer_->set_lr(lr);
  // A worker without a share computes on a sample that counts for nothing.
  const double rows = batch.share > 0 ? static_cast<double>(batch.inputs.dim(0)) : 0;
  std::vector<double> host(kSums, 0);
  host[kSamples] = rows;
  if (const int signal = stop_signal(); signal != 0) host[SumOf(signal)] = 1;
  host_part_.CopyFrom(Tensor::From({kSums}, host));
  if (graph_) {
    const std::string key = fmt::format("{} rows, share {}", batch.inputs.dim(0), batch.share);
    Batch& inputs = inputs_[key];
    if (!inputs.inputs.defined()) {
      inputs = {Tensor::Empty(batch.inputs.shape(), batch.inputs.options()),
                Tensor::Empty(batch.targets.shape(), batch.targets.options()), batch.share};
    }
    inputs.inputs.CopyFrom(batch.inputs);
    inputs.targets.CopyFrom(batch.targets);
    graph_->Run(key, [&] { Compute(inputs, stop_signal); });
  } else {
    Compute(batch, stop_signal);
  }
  if (profiling_) profiler_->EndStep();
  return Readback(report_);
}

StepReport TrainStep::Read(const Readback& report) const {
  const std::vector<double> values = report.Values<double>();
  const std::vector<double> status(values.begin() + kStatus, values.end());
  return {.loss = values[kLoss],
          .own_loss = values[kSums],
          .stop_signal = values[kTerminated] > 0    ? SIGTERM
                         : values[kInterrupted] > 0 ? SIGINT
                                                    : 0,
          .given_up = values[kGivenUp] > 0,
          .samples = values[kSamples],
          .status = optimizer_->Decode(status)};
}

}  // namespace convoy
