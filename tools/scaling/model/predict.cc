// Predicts data-parallel training on more workers than there are.
#include "tools/scaling/model/predict.h"

#include <algorithm>
#include <map>
#include <utility>

#include "tools/scaling/model/allreduce_model.h"
#include "tools/scaling/model/assumptions.h"

namespace convoy::scaling {
namespace {

// Whether the cores that compute also do the summing.
bool OnCores(const AllReduceModel& model) {
  return model.algorithms().front().algorithm == Algorithm::kInProcess;
}

double ComputeScale(int workers, const PredictOptions& options) {
  return options.batch_of > 0 ? static_cast<double>(options.batch_of) / workers : 1;
}

// Means over steps that differ in how much longer the slowest worker computes.
struct MeanStep {
  double step = 0, exposed = 0, waiting = 0;

  MeanStep(const StepLoad& load, const std::vector<double>& slowest) {
    const double share = 1 / static_cast<double>(slowest.size());
    for (const double factor : slowest) {
      const StepSchedule schedule = Schedule(load, factor);
      step += share * schedule.step;
      exposed += share * schedule.exposed;
      waiting += share * schedule.waiting;
    }
  }
};

std::string NameOf(const ModelProfile& profile, const BucketPlan& plan, size_t bucket) {
  std::vector<std::string> names;
  for (const int index : plan[bucket]) {
    names.push_back(profile.parameters[static_cast<size_t>(index)].name);
  }
  return BucketName(bucket, names);
}

// The algorithm that sums most bytes.
std::string AlgorithmOfMost(const AllReduceModel& model, const StepLoad& load) {
  std::map<Algorithm, int64_t> bytes;
  for (const StepLoad::Bucket& bucket : load.buckets) {
    bytes[model.Best(bucket.bytes).algorithm] += bucket.bytes;
  }
  const auto most = std::max_element(
      bytes.begin(), bytes.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes.end() ? "" : std::string(Name(most->first));
}

}  // namespace

BucketPlan PredictOptions::PlanFor(const ModelProfile& profile) const {
  return plan ? *plan : PlanSizes(profile.sizes(), buckets);
}

StepLoad LoadOn(const ModelProfile& profile, const Links& links, int workers,
                const PredictOptions& options) {
  const AllReduceModel model(links, workers, options.algorithm);
  StepLoad load = LoadOf(profile, options.PlanFor(profile), ComputeScale(workers, options));
  for (StepLoad::Bucket& bucket : load.buckets) bucket.sum = model.Best(bucket.bytes).ms;
  load.measures_norm = options.measures_norm;
  load.sums_on_cores = OnCores(model);
  return load;
}

Prediction Predict(const ModelProfile& profile, const Links& links, const std::vector<int>& sizes,
                   const PredictOptions& options) {
  const BucketPlan plan = options.PlanFor(profile);
  Prediction prediction{.model = profile.model, .links = links.name, .unit = profile.unit};
  std::vector<int> ascending = sizes;
  std::sort(ascending.begin(), ascending.end());
  ascending.erase(std::unique(ascending.begin(), ascending.end()), ascending.end());
  for (const int workers : ascending) {
    StepLoad load = LoadOn(profile, links, workers, options);
    const std::vector<double> slowest = SlowestFactors(workers, options.stragglers);
    const MeanStep mean(load, slowest);
    PredictedSize size{.workers = workers,
                       .step_ms = mean.step,
                       .exposed_ms = mean.exposed,
                       .waiting_ms = mean.waiting};
    for (const StepLoad::Bucket& bucket : load.buckets) size.communication_ms += bucket.sum;
    const double units = profile.units * ComputeScale(workers, options);  // of a worker
    size.units_per_s = units * workers / mean.step * 1e3;
    size.efficiency = units / mean.step / (profile.units / profile.step_ms());
    if (workers > 1) {
      size.algorithm = AlgorithmOfMost(AllReduceModel(links, workers, options.algorithm), load);
    }
    for (size_t b = 0; b < load.buckets.size() && workers > 1; ++b) {
      const double sum = std::exchange(load.buckets[b].sum, 0);
      const double gain = mean.step - MeanStep(load, slowest).step;
      load.buckets[b].sum = sum;
      if (b > 0 && gain <= size.costliest_ms) continue;
      size.costliest_bucket = static_cast<int>(b);
      size.costliest_name = NameOf(profile, plan, b);
      size.costliest_ms = gain;
    }
    prediction.sizes.push_back(size);
  }
  prediction.assumptions = Assumptions(profile, links, plan, options);
  prediction.published = profile.published;
  prediction.remarks = profile.remarks;
  return prediction;
}

}  // namespace convoy::scaling
