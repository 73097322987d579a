// The bucket plan with the least exposed time for a model on given links.
#pragma once

#include <string>

#include "tools/scaling/predict.h"

namespace convoy {

struct Advice {
  std::string model, links;
  int workers = 0;
  BucketPlan plan;
  std::vector<int64_t> bytes;      ///< of the plan's buckets
  std::vector<std::string> names;  ///< "bucket 3 (fc6.weight)"
  double step_ms = 0;              ///< with it
  double exposed_ms = 0;
  BucketPlan default_plan;  ///< of PredictOptions::buckets
  double default_step_ms = 0;
  double default_exposed_ms = 0;
};

/// The best of all plans that cut the gradients, in reverse order of registration, into buckets of
/// one dtype: found by dynamic programming over the cuts, each prefix by its pairs of (last sum's
/// end, last update's end) that no other pair beats, so that it is exact for Schedule's model. Ties
/// go to fewer buckets. Stragglers are left out. Throws: as Predict does.
Advice Advise(const ModelProfile& profile, const Links& links, int workers,
              const PredictOptions& options = {});

}  // namespace convoy
