// Predicts data-parallel training on more workers than there are.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "parallel/bucket_plan.h"
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
  bool measures_norm = true;  ///< StepLoad
  /// Strong scaling: the global batch is that of so many workers at the profile's batch, whatever
  /// their number; times of forward and backward are taken to go with a worker's share. 0: weak.
  int global_batch_of = 0;
};

/// For each number of workers in `sizes`.
/// Throws: Error if the links do not have so many workers, or a size is below 1.
Prediction Predict(const ModelProfile& profile, const Links& links, const std::vector<int>& sizes,
                   const PredictOptions& options = {});

/// One step on `workers` workers without stragglers: when every bucket is ready, summed and used.
StepSchedule PredictStep(const ModelProfile& profile, const Links& links, int workers,
                         const PredictOptions& options = {});

}  // namespace convoy
