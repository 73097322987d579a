// Predicts data-parallel training on more workers than there are.
#pragma once

#include <optional>
#include <vector>

#include "parallel/data_parallel/bucket_plan.h"
#include "tools/scaling/measure/model_profile.h"
#include "tools/scaling/model/links.h"
#include "tools/scaling/model/prediction.h"
#include "tools/scaling/model/schedule.h"
#include "tools/scaling/model/stragglers.h"

namespace convoy::scaling {

struct PredictOptions {
  BucketOptions buckets;               ///< plan the buckets, unless a plan is given
  std::optional<BucketPlan> plan;      ///< the plan that is given
  std::optional<Algorithm> algorithm;  ///< none: the fastest for each bucket
  StragglerOptions stragglers;
  bool measures_norm = true;  ///< as StepLoad::measures_norm
  /// Strong scaling: the global batch is always that of so many workers at the profile's batch, and
  /// forward and backward take time in proportion to a worker's share of it. 0: weak scaling.
  int batch_of = 0;

  /// The plan that is given, or made.
  BucketPlan PlanFor(const ModelProfile& profile) const;
};

/// Predicts a step for each number of workers in `sizes`. Throws: Error if one is below 1, or the
/// links do not have so many workers (Links::Split, AllReduceModel).
Prediction Predict(const ModelProfile& profile, const Links& links, const std::vector<int>& sizes,
                   const PredictOptions& options = {});

/// The step on `workers` workers with `options.PlanFor(profile)`, the times of allreduces included.
StepLoad LoadOn(const ModelProfile& profile, const Links& links, int workers,
                const PredictOptions& options = {});

}  // namespace convoy::scaling
