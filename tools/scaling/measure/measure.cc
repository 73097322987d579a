// Times training steps on growing numbers of workers.
#include "tools/scaling/measure/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "core/backend.h"
#include "core/base/error.h"
#include "parallel/data_parallel/bucket_plan_file.h"
#include "parallel/profile/clock_offset.h"
#include "parallel/profile/step_profiler.h"
#include "parallel/profile/timeline.h"
#include "tools/scaling/measure/analysis.h"
#include "tools/scaling/measure/spread.h"
#include "tools/scaling/measure/step_record.h"

namespace convoy::scaling {
namespace {

// A model that a worker trains in a group.
class Training {
 public:
  Training(Worker& worker, const MakeModel& make_model, int64_t batch,
           const MeasureOptions& options)
      : worker_(worker),
        model_(make_model(worker, batch)),
        net_(worker, model_->Parameters(), OptionsOf(*model_, options)),
        optimizer_(model_->MakeOptimizer(net_.Parameters())),
        profiler_(worker, net_) {}

  Workload& model() { return *model_; }
  const FlatParameters& parameters() { return net_.Parameters(); }

  /// Trains `steps` steps. All workers of the group start the first one together.
  std::vector<StepTimes> Run(int steps) {
    GetBackend(worker_.device().type).Synchronize(worker_.device());
    worker_.group().Barrier();
    for (int i = 0; i < steps; ++i) Step();
    GetBackend(worker_.device().type).Synchronize(worker_.device());
    std::vector<StepTimes> times;
    while (auto step = profiler_.Take()) times.push_back(*std::move(step));
    CONVOY_CHECK(times.size() == static_cast<size_t>(steps),
                 "[scaling] {} of {} steps have no times",
                 static_cast<size_t>(steps) - times.size(), steps);
    return times;
  }

 private:
  static DataParallelOptions OptionsOf(Workload& model, const MeasureOptions& options) {
    DataParallelOptions result{.buckets = options.buckets};
    if (!options.bucket_plan.empty()) {
      result.plan = ReadBucketPlan(options.bucket_plan, model.Parameters());
    }
    return result;
  }

  void Step() {
    profiler_.Enter(StepPhase::kForward);
    const Tensor loss = model_->Loss();
    profiler_.Enter(StepPhase::kBackward);
    net_.Backward(loss, 1.0 / worker_.world_size());
    profiler_.Enter(StepPhase::kOptimizer);
    if (optimizer_) {
      optimizer_->Step();
    } else {  // wait for what an optimizer would wait for
      for (const FlatBucket& bucket : parameters().buckets()) {
        if (bucket.before_read) bucket.before_read();
      }
    }
    profiler_.EndStep();
  }

  Worker& worker_;
  const std::unique_ptr<Workload> model_;
  DataParallel net_;
  const std::unique_ptr<Optimizer> optimizer_;
  StepProfiler profiler_;
};

void Append(std::vector<StepTimes>& to, std::vector<StepTimes> from) {
  std::move(from.begin(), from.end(), std::back_inserter(to));
}

// The profile of steps without communication; parameters in order of registration.
ModelProfile ProfileOf(const std::vector<StepTimes>& steps, const ParameterList& parameters) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  const auto median = [&](auto value) {
    std::vector<double> values;
    for (const StepTimes& step : steps) values.push_back(Milliseconds(value(step)).count());
    return Median(values);
  };
  ModelProfile profile;
  profile.forward_ms = median([](const StepTimes& s) { return s.backward_begin - s.begin(); });
  profile.backward_ms =
      median([](const StepTimes& s) { return s.backward_end - s.backward_begin; });
  profile.optimizer_ms = median([](const StepTimes& s) { return s.end() - s.backward_end; });
  for (const auto& [name, tensor] : parameters) {
    const auto& traced = steps.front().parameters;
    const auto place =
        std::find_if(traced.begin(), traced.end(), [&](const auto& p) { return p.name == name; }) -
        traced.begin();
    const double ready = median([&](const StepTimes& s) {
      return s.parameters[static_cast<size_t>(place)].ready - s.backward_begin;
    });
    profile.parameters.push_back({.name = name,
                                  .bytes = static_cast<int64_t>(tensor.bytes()),
                                  .dtype = tensor.dtype(),
                                  .ready_ms = std::min(ready, profile.backward_ms)});
  }
  return profile;
}

// Measures one number of workers after the other.
class Measurer {
 public:
  Measurer(Worker& worker, const MakeModel& make_model, const MeasureOptions& options)
      : run_(worker),
        make_model_(make_model),
        options_(options),
        alone_group_(worker.group().Split(worker.rank())),
        alone_(*alone_group_, worker.device()),
        zero_(StepTimes::Time() - ClockOffset(worker)) {}

  Measured Run() {
    for (const int count : options_.counts) {
      const auto group = run_.group().Split(run_.rank() < count ? 0 : -1);
      if (group) {
        Worker worker(*group, run_.device());
        MeasureCount(worker);
      }
      run_.group().Barrier();  // workers that do not take part leave the cores free
    }
    FillSpeedups();
    return std::move(measured_);
  }

 private:
  void MeasureCount(Worker& worker) {
    const int workers = worker.world_size();
    const int64_t batch = BatchOf(workers);
    Training training(worker, make_model_, batch, options_);
    std::optional<Training> control;  // the same model without allreduce
    if (workers > 1) control.emplace(alone_, make_model_, batch, options_);
    std::optional<Timeline> timeline;
    if (!options_.timeline.empty() && workers == options_.counts.back()) {
      timeline.emplace(worker, options_.timeline);
    }

    training.Run(options_.warmup);
    if (control) control->Run(options_.warmup);
    const int round_steps = std::max(1, options_.steps / options_.rounds);
    std::vector<StepTimes> steps, control_steps;
    for (int round = 0; round < options_.rounds; ++round) {
      Append(steps, training.Run(round_steps));
      worker.group().Barrier();
      if (control) Append(control_steps, control->Run(round_steps));
      worker.group().Barrier();
    }

    const auto records = Gather(worker, steps);
    const std::vector<StepTimes>& undisturbed = control ? control_steps : steps;
    const auto control_records = Gather(worker, undisturbed);
    for (size_t s = 0; timeline && s < steps.size(); ++s) {
      timeline->Add(static_cast<int64_t>(s) + 1, steps[s]);
    }
    if (timeline) measured_.timeline_complete = timeline->Complete(worker);
    if (!worker.is_main()) return;

    Workload& model = training.model();
    Measurement measurement{.workers = workers};
    std::vector<BucketSize> buckets;
    for (const StepTimes::Bucket& bucket : steps.front().buckets) {
      buckets.push_back({bucket.name, bucket.bytes});
    }
    Analyse(records, buckets, round_steps, measurement);
    measurement.step_without_communication = SpreadOf(StepDurations(control_records, round_steps));
    measurement.units_per_step =
        static_cast<double>(model.batch() * model.items_per_sample() * workers);
    measurement.units_per_s = measurement.units_per_step / (measurement.step.median * 1e-3);
    if (measured_.results.measurements.empty()) Describe(training, undisturbed);
    measured_.results.measurements.push_back(std::move(measurement));
  }

  int64_t BatchOf(int workers) const {
    return options_.strong ? options_.batch / workers : options_.batch;
  }

  std::vector<std::vector<StepRecord>> Gather(Worker& worker, const std::vector<StepTimes>& steps) {
    std::vector<StepRecord> own;
    for (const StepTimes& step : steps) own.push_back(ToRecord(step, zero_));
    return GatherRecords(worker, own);
  }

  // Fills in what is the same for all numbers of workers, from a training on the fewest.
  void Describe(Training& training, const std::vector<StepTimes>& undisturbed) {
    Workload& model = training.model();
    ScalingResults& results = measured_.results;
    results.model = model.Describe();
    results.mode = options_.strong ? "strong" : "weak";
    results.unit = model.items_per_sample() > 1 ? "tokens" : "samples";
    results.transport = run_.group().name();
    results.parameters = training.parameters().numel();
    for (const FlatBucket& bucket : training.parameters().buckets()) {
      results.gradient_bytes += static_cast<int64_t>(bucket.gradients.bytes());
    }
    measured_.profile = ProfileOf(undisturbed, model.Parameters());
    measured_.profile.model = results.model;
    measured_.profile.unit = results.unit;
    measured_.profile.units = static_cast<double>(model.batch() * model.items_per_sample());
  }

  void FillSpeedups() {
    auto& all = measured_.results.measurements;
    for (Measurement& it : all) {
      it.speedup = it.units_per_s / all.front().units_per_s * all.front().workers;
      it.efficiency = it.speedup / it.workers;
    }
  }

  Worker& run_;
  const MakeModel& make_model_;
  const MeasureOptions& options_;
  const std::shared_ptr<ProcessGroup> alone_group_;
  Worker alone_;
  const StepTimes::Time zero_;  // where the common time axis begins, on this worker's clock
  Measured measured_;
};

}  // namespace

Measured Measure(Worker& worker, const MakeModel& make_model, const MeasureOptions& options) {
  CONVOY_CHECK(!options.counts.empty() && options.counts.back() <= worker.world_size(),
               "[scaling] {} workers cannot be measured: this run has {}",
               options.counts.empty() ? 0 : options.counts.back(), worker.world_size());
  for (const int workers : options.counts) {
    CONVOY_CHECK(!options.strong || (options.batch > 0 && options.batch % workers == 0),
                 "[scaling] {} samples cannot be divided among {} workers: give a --batch that "
                 "every count divides",
                 options.batch, workers);
  }
  return Measurer(worker, make_model, options).Run();
}

}  // namespace convoy::scaling
