// Predicts data-parallel training on more workers than there are.
#pragma once

#include <optional>
#include <vector>

#include "parallel/data_parallel/bucket_plan.h"
#include "tools/scaling/links.h"
#include "tools/scaling/model_profile.h"
#include "tools/scaling/prediction.h"
#include "tools/scaling/schedule.h"
#include "tools/scaling/stragglers.h"

namespace convoy {

struct PredictOptions {
  BucketOptions buckets;               ///< of the plan, unless one is given
  std::optional<BucketPlan> plan;      ///< instead
  std::optional<Algorithm> algorithm;  ///< none: the fastest for each bucket
  StragglerOptions stragglers;
  bool measures_norm = true;  ///< as StepLoad's
  /// Strong scaling: the global batch is that of so many workers at the profile's batch, whatever
  /// their number; forward and backward are taken to go with a worker's share. 0: weak scaling.
  int batch_of = 0;

  BucketPlan PlanFor(const ModelProfile& profile) const;
};

/// For each number of workers in `sizes`. Throws: Error if a size is below 1, or the links do not
/// have so many workers (Links::Split, AllReduceModel).
Prediction Predict(const ModelProfile& profile, const Links& links, const std::vector<int>& sizes,
                   const PredictOptions& options = {});

/// One step on `workers` workers with `options.PlanFor(profile)`, the times of sums included.
StepLoad LoadOn(const ModelProfile& profile, const Links& links, int workers,
                const PredictOptions& options = {});

}  // namespace convoy
