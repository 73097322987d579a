// TrainingRun: the loop.
#include "models/trainers/common/run.h"

#include <cmath>
#include <limits>
#include <utility>

#include "core/autograd.h"
#include "core/backend.h"
#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "core/time_mark.h"
#include "parallel/group/rank_list.h"
#include "parallel/launch/stop_signal.h"

namespace convoy {
namespace {

// Enough that a GPU always has its next step; a CPU computes at once.
constexpr size_t kStepsAhead = 2;

double Seconds(TrainingRun::Clock::time_point from) {
  return std::chrono::duration<double>(TrainingRun::Clock::now() - from).count();
}

/// A NaN without the sign that it happens to have.
double Unsigned(double value) { return std::isnan(value) ? std::abs(value) : value; }

/// A seed for each worker's dropout, apart from the streams of initial values.
uint64_t DropoutSeed(uint64_t seed, int rank) {
  const auto block =
      RandomStream{seed, std::numeric_limits<uint64_t>::max()}.Block(static_cast<uint64_t>(rank));
  return uint64_t{block[0]} << 32 | block[1];
}

}  // namespace

TrainingRun::TrainingRun(Worker& worker, const Trainer& trainer, MetricsFile& metrics,
                         Clock::time_point launched)
    : worker_(worker),
      trainer_(trainer),
      flags_(trainer.flags()),
      metrics_file_(metrics),
      launched_(launched),
      task_(trainer.MakeTask(worker)),
      schedule_(flags_.optimizer.schedule.MakeSchedule()),
      progress_(flags_.run.steps, worker.is_main()) {
  if (!flags_.files.init.empty()) init_notes_ = task_->Load(flags_.files.init);
  task_->model().Reseed(DropoutSeed(flags_.run.seed, worker.rank()));
  step_.emplace(worker, *task_, flags_);
  if (!flags_.files.timeline.empty()) timeline_.emplace(worker, flags_.files.timeline);
}

void TrainingRun::Start(int64_t step) {
  const double lr = schedule_(step - 1);
  if (timeline_)
    step_->Profile(flags_.files.timeline_steps == 0 || step <= flags_.files.timeline_steps);
  Readback report = step_->Start(lr, launch::StopSignal);
  in_flight_.push_back({step, lr, step_->net().stats().exposed_comm_ms, std::move(report)});
}

std::optional<StepMetrics> TrainingRun::Take() {
  const InFlight taken = std::move(in_flight_.front());
  in_flight_.pop_front();
  const StepReport report = step_->Read(taken.report);
  if (stop_signal_ == 0) stop_signal_ = report.stop_signal;
  if (report.given_up) return {};
  const Clock::time_point now = Clock::now();
  StepMetrics metrics;
  metrics.step = taken.step;
  metrics.loss = report.loss;
  metrics.lr = taken.lr;
  metrics.grad_norm = report.status.grad_norm;
  if (flags_.model.dtype == DType::kF16) metrics.loss_scale = report.status.loss_scale;
  metrics.skipped = report.status.skipped;
  metrics.exposed_comm_ms = taken.exposed_comm_ms;
  metrics.step_ms = 1e3 * std::chrono::duration<double>(now - last_settled_).count();
  metrics.samples_per_s = 1e3 * report.samples / metrics.step_ms;
  if (const int64_t tokens = trainer_.tokens_per_sample(); tokens > 0) {
    metrics.tokens_per_s = metrics.samples_per_s * static_cast<double>(tokens);
  }
  last_settled_ = now;
  const bool finite = std::isfinite(report.loss) && std::isfinite(metrics.grad_norm);
  const bool stop = report.status.stopped || (!finite && !metrics.skipped);
  if (stop && flags_.run.on_non_finite == NonFinite::kStop) FailNotFinite(metrics, report);
  samples_ += report.samples;
  skipped_ += metrics.skipped ? 1 : 0;
  return metrics;
}

// Collective: every worker comes here after the same step.
void TrainingRun::FailNotFinite(const StepMetrics& metrics, const StepReport& report) {
  if (worker_.is_main()) metrics_file_.Write(metrics);
  const Tensor mine =
      Tensor::Full({1}, std::isfinite(report.own_loss) ? 0 : 1, {DType::kU8, worker_.device()});
  const Tensor all = Tensor::Zeros({worker_.world_size()}, mine.options());
  worker_.group().AllGather(mine, all).Wait();
  std::vector<int> ranks;
  const std::vector<uint8_t> flags = all.ToVector<uint8_t>();
  for (size_t r = 0; r < flags.size(); ++r) {
    if (flags[r] != 0) ranks.push_back(static_cast<int>(r));
  }
  const std::string& parameter = report.status.bad_parameter;
  Fail(
      "[train] step {}: the loss is {}{} and the gradient's norm {}{}; nothing was saved. Try a "
      "lower --lr, a longer --warmup or --clip 1, or --on-non-finite skip",
      metrics.step, Unsigned(metrics.loss), ranks.empty() ? "" : " (from " + RankList(ranks) + ")",
      Unsigned(metrics.grad_norm), parameter.empty() ? "" : " (first in '" + parameter + "')");
}

void TrainingRun::AddToTimeline() {
  if (!timeline_ || step_->profiler() == nullptr) return;
  while (const std::optional<StepTimes> times = step_->profiler()->Take()) {
    timeline_->Add(++timeline_step_, *times);
  }
}

void TrainingRun::Settle(size_t left) {
  while (in_flight_.size() > left) {
    const std::optional<StepMetrics> taken = Take();
    AddToTimeline();
    if (!taken) continue;
    const StepMetrics& metrics = *taken;
    if (metrics.step == 1) first_step_s_ = Seconds(launched_);
    training_s_ = Seconds(started_);
    const bool last = metrics.step == flags_.run.steps;
    const bool due =
        last || (flags_.run.eval_every > 0 && metrics.step % flags_.run.eval_every == 0);
    if (due && stop_signal_ == 0) {  // then it is the newest step
      StepMetrics evaluated = metrics;
      evaluated.evaluation = Evaluate(/*complete=*/last);
      training_s_ = Seconds(started_);
      last_settled_ = Clock::now();  // no step's time
      Record(evaluated);
    } else {
      Record(metrics);
    }
  }
}

// A step is read before its last kernels have ended, so the host's own clock would be early.
void TrainingRun::AddToTimeline(const char* name, const std::function<void()>& body) {
  if (!timeline_) return body();
  const Device device = worker_.device();
  const auto begin = MarkTime(device);
  body();
  const auto end = MarkTime(device);
  GetBackend(device.type).Synchronize(device);
  timeline_->Add(name, begin->at().value(), end->at().value());
}

Evaluation TrainingRun::Evaluate(bool complete) {
  const NoGrad no_grad;
  const EvalMode eval(task_->model());
  std::vector<double> all;
  AddToTimeline("evaluation", [&] {
    const EvaluationSums local = task_->Evaluate(complete);
    const Tensor sums = Tensor::From(
        {3}, std::vector<double>{local.loss, local.correct, local.count}, worker_.device());
    worker_.group().AllReduce(sums).Wait();
    all = sums.ToVector<double>();
  });
  CONVOY_CHECK(all[2] > 0, "[evaluate] the validation data is empty");
  Evaluation evaluation{.loss = all[0] / all[2], .accuracy = {}};
  if (trainer_.has_accuracy()) evaluation.accuracy = all[1] / all[2];
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
    progress_.Show(metrics, per_step * static_cast<double>(flags_.run.steps - metrics.step));
  }
  if (metrics.evaluation) progress_.Print(metrics);
}

void TrainingRun::Run() {
  if (flags_.run.steps > 0) launch::CatchStopSignals();
  try {
    Train();
  } catch (...) {
    // Another worker may have got the same signal a moment before it caught it, and be gone.
    if (last_.step == 0) launch::EndByStopSignal();
    throw;
  }
}

void TrainingRun::CheckReplicas(int64_t step) {
  Settle(0);  // what has failed before is reported first
  try {
    step_->net().CheckReplicas();
  } catch (const ReportedError&) {
    throw;
  } catch (const Error& error) {
    throw Error(fmt::format("[train] after step {}: {}", step, error.what()));
  }
  last_settled_ = Clock::now();  // no step's time
}

void TrainingRun::Train() {
  if (worker_.is_main()) PrintHeader();
  if (flags_.run.steps == 0) {
    StepMetrics start;
    start.loss = start.grad_norm = std::numeric_limits<double>::quiet_NaN();
    start.evaluation = Evaluate(/*complete=*/true);
    Record(start);
  }
  started_ = last_settled_ = Clock::now();
  const size_t ahead = worker_.device().is_cpu() ? 0 : kStepsAhead;
  for (int64_t step = 1; step <= flags_.run.steps && stop_signal_ == 0; ++step) {
    Start(step);
    // The first step's time is worth a wait; an evaluation must follow its own step.
    const bool due = flags_.run.eval_every > 0 && step % flags_.run.eval_every == 0;
    Settle(step == 1 || due ? 0 : ahead);
    if (flags_.run.check_replicas > 0 && step % flags_.run.check_replicas == 0) CheckReplicas(step);
  }
  Settle(0);
  if (!flags_.files.save.empty() && worker_.is_main()) {
    AddToTimeline("save", [&] { task_->Save(flags_.files.save); });
  }
  PrintSummary();
  if (worker_.is_main() && stop_signal_ == 0) task_->Show();
  if (last_.step < flags_.run.steps) worker_.StopEarly(stop_signal_);
  if (!timeline_) return;
  const bool complete = timeline_->Complete(worker_);  // on every worker
  if (complete || !worker_.is_main()) return;
  const std::string what = fmt::format("its timeline is not: '{}' could not be written to its end",
                                       flags_.files.timeline);
  TellIncomplete(worker_, "--timeline", what);
}

}  // namespace convoy
