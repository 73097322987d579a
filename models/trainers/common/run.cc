// TrainingRun: the loop.
#include "models/trainers/common/run.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "core/autograd.h"
#include "core/error.h"
#include "models/trainers/common/interrupt.h"
#include "ops/shape_ops.h"
#include "optim/adam.h"
#include "optim/sgd.h"

namespace convoy {
namespace {

double Seconds(TrainingRun::Clock::time_point from) {
  return std::chrono::duration<double>(TrainingRun::Clock::now() - from).count();
}

BucketOptions Buckets(const CommonFlags& flags) {
  BucketOptions options;
  options.bytes = std::max<int64_t>(1, static_cast<int64_t>(flags.bucket_mb * (1 << 20)));
  options.first_bytes = std::min(options.first_bytes, options.bytes);
  options.last_bytes = std::min(options.last_bytes, options.bytes);
  return options;
}

std::unique_ptr<Optimizer> MakeOptimizer(const CommonFlags& flags, const FlatParameters& flat) {
  if (flags.optimizer == OptimizerKind::kSgd) {
    return std::make_unique<Sgd>(flat, SgdOptions{.lr = flags.lr,
                                                  .momentum = flags.momentum,
                                                  .weight_decay = flags.weight_decay,
                                                  .groups = NoDecayOnBiasesAndNorms()});
  }
  return std::make_unique<AdamW>(flat, AdamWOptions{.lr = flags.lr,
                                                    .beta1 = flags.beta1,
                                                    .beta2 = flags.beta2,
                                                    .weight_decay = flags.weight_decay,
                                                    .groups = NoDecayOnBiasesAndNorms()});
}

/// A seed for each worker's dropout, apart from the streams of initial values.
uint64_t DropoutSeed(uint64_t seed, int rank) {
  const auto block =
      RandomStream{seed, std::numeric_limits<uint64_t>::max()}.Block(static_cast<uint64_t>(rank));
  return uint64_t{block[0]} << 32 | block[1];
}

/// Micro-batch `m` of `count`.
Batch MicroBatch(const Batch& batch, int64_t m, int64_t count) {
  const int64_t rows = batch.inputs.dim(0);
  if (count == 1 || rows == 0) return batch;
  const int64_t begin = rows * m / count, end = rows * (m + 1) / count;
  const int64_t per_row = batch.targets.dim(0) / rows;  // a text has a target for every token
  return {Slice(batch.inputs, 0, begin, end),
          Slice(batch.targets, 0, begin * per_row, end * per_row)};
}

/// Sums of `values` over all workers, on its way.
class SumOverWorkers {
 public:
  SumOverWorkers(Worker& worker, const std::vector<double>& values)
      : sums_(Tensor::From({static_cast<int64_t>(values.size())}, values, worker.device())),
        work_(worker.group().AllReduce(sums_)) {}

  std::vector<double> Wait() {
    work_.Wait();
    return sums_.ToVector<double>();
  }

 private:
  Tensor sums_;
  Work work_;
};

}  // namespace

TrainingRun::TrainingRun(Worker& worker, const Trainer& trainer, MetricsFile& metrics,
                         Clock::time_point launched)
    : worker_(worker),
      trainer_(trainer),
      flags_(trainer.flags()),
      metrics_file_(metrics),
      launched_(launched),
      task_(trainer.MakeTask(worker)),
      schedule_(flags_.MakeSchedule()),
      progress_(flags_.steps, worker.is_main()) {
  if (!flags_.init.empty()) task_->Load(flags_.init);
  task_->model().Reseed(DropoutSeed(flags_.seed, worker.rank()));
  net_.emplace(worker, task_->model().Parameters(), DataParallelOptions{Buckets(flags_)});
  optimizer_ = MakeOptimizer(flags_, net_->Parameters());
}

TrainingRun::Shared TrainingRun::ForwardBackward() {
  const Batch batch = task_->NextBatch();
  const double rows = static_cast<double>(batch.inputs.dim(0));
  const double share = worker_.batch_share();
  const int64_t micro_batches = flags_.micro_batches;
  double loss_share = 0;
  std::optional<SumOverWorkers> shared;
  for (int64_t m = 0; m < micro_batches; ++m) {
    const Batch part = MicroBatch(batch, m, micro_batches);
    const double weight = share * static_cast<double>(part.inputs.dim(0)) / std::max(rows, 1.0);
    const Tensor loss = task_->Loss(part);
    if (weight > 0) loss_share += weight * double{loss.Item<float>()};
    // One small sum a step carries all that workers must agree on; backward hides it.
    if (m + 1 == micro_batches) {
      // A worker without a share computes on a sample that counts for nothing.
      shared.emplace(worker_, std::vector<double>{loss_share, Interrupted() ? 1.0 : 0.0,
                                                  share > 0 ? rows : 0.0});
    }
    net_->Backward(loss, {.weight = weight,
                          .micro_batch = static_cast<int>(m),
                          .micro_batches = static_cast<int>(micro_batches)});
  }
  const std::vector<double> sums = shared->Wait();
  return {.loss = sums[0], .stop = sums[1] > 0, .samples = sums[2]};
}

bool TrainingRun::Step(StepMetrics& metrics) {
  const Clock::time_point start = Clock::now();
  metrics.lr = schedule_(metrics.step - 1);
  const Shared shared = ForwardBackward();
  const double max_norm = flags_.clip > 0 ? flags_.clip : std::numeric_limits<double>::infinity();
  optimizer_->set_lr(metrics.lr);
  optimizer_->Step({.max_grad_norm = max_norm, .non_finite = NonFinite::kStop});
  metrics.loss = shared.loss;
  const StepStatus status = optimizer_->ReadStatus();
  metrics.grad_norm = status.grad_norm;
  const bool finite = std::isfinite(shared.loss) && std::isfinite(metrics.grad_norm);
  metrics.exposed_comm_ms = net_->stats().exposed_comm_ms;
  metrics.step_ms = 1e3 * Seconds(start);
  metrics.samples_per_s = 1e3 * shared.samples / metrics.step_ms;
  if (const int64_t tokens = trainer_.tokens_per_sample(); tokens > 0) {
    metrics.tokens_per_s = metrics.samples_per_s * static_cast<double>(tokens);
  }
  if (!finite) {
    if (worker_.is_main()) metrics_file_.Write(metrics);
    const std::string where =
        status.bad_parameter.empty() ? "" : " (first in '" + status.bad_parameter + "')";
    Fail(
        "[train] step {}: the loss is {} and the gradient's norm {}{}; nothing was saved. Try a "
        "lower --lr, a longer --warmup or --clip 1",
        metrics.step, metrics.loss, metrics.grad_norm, where);
  }
  samples_ += shared.samples;
  return shared.stop;
}

Evaluation TrainingRun::Evaluate(bool complete) {
  const NoGrad no_grad;
  const EvalMode eval(task_->model());
  const EvaluationSums local = task_->Evaluate(complete);
  const std::vector<double> sums =
      SumOverWorkers(worker_, {local.loss, local.correct, local.count}).Wait();
  CONVOY_CHECK(sums[2] > 0, "[evaluate] the validation data is empty");
  Evaluation evaluation{.loss = sums[0] / sums[2], .accuracy = {}};
  if (trainer_.has_accuracy()) evaluation.accuracy = sums[1] / sums[2];
  return evaluation;
}

void TrainingRun::Record(const StepMetrics& metrics) {
  last_ = metrics;
  if (metrics.evaluation) last_evaluated_ = metrics;
  if (metrics.step > 0) {
    step_ms_.push_back(metrics.step_ms);
    exposed_comm_ms_ += metrics.exposed_comm_ms;
  }
  if (!worker_.is_main()) return;
  metrics_file_.Write(metrics);
  if (metrics.step > 0) {
    const double per_step = training_s_ / static_cast<double>(metrics.step);
    progress_.Show(metrics, per_step * static_cast<double>(flags_.steps - metrics.step));
  }
  if (metrics.evaluation) progress_.Print(metrics);
}

void TrainingRun::Run() {
  if (worker_.is_main()) PrintHeader();
  if (flags_.steps == 0) {
    StepMetrics start;
    start.loss = start.grad_norm = std::numeric_limits<double>::quiet_NaN();
    start.evaluation = Evaluate(/*complete=*/true);
    Record(start);
  }
  const Clock::time_point start = Clock::now();
  bool stop = false;
  for (int64_t step = 1; step <= flags_.steps && !stop; ++step) {
    StepMetrics metrics;
    metrics.step = step;
    stop = Step(metrics);
    if (step == 1) first_step_s_ = Seconds(launched_);
    const bool last = step == flags_.steps;
    const bool due = last || (flags_.eval_every > 0 && step % flags_.eval_every == 0);
    if (due && !stop) metrics.evaluation = Evaluate(/*complete=*/last);
    training_s_ = Seconds(start);
    Record(metrics);
  }
  if (!flags_.save.empty() && worker_.is_main()) task_->Save(flags_.save);
  PrintSummary();
  if (worker_.is_main() && !stop) task_->Show();
}

}  // namespace convoy
