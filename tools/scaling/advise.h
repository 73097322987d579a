// The bucket plan with the least exposed time for a model on given links.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/scaling/predict.h"

namespace convoy {

struct Advice {
  struct Bucket {
    std::string name;  ///< "bucket 3 (fc6.weight)"
    int64_t bytes = 0;
    StepSchedule::Bucket times;
  };
  std::string model, links;
  int workers = 0;
  BucketPlan plan;
  std::vector<Bucket> buckets;
  double step_ms = 0;  ///< with the plan
  double exposed_ms = 0;
  size_t default_buckets = 0;  ///< of the plan that PredictOptions::buckets makes
  double default_step_ms = 0;
  double default_exposed_ms = 0;
};

/// The best of all plans that cut the gradients, in reverse order of registration, into buckets of
/// one dtype. A dynamic programme over the cuts: the first i gradients' last sum ends at
/// E[i] = min over j of max(E[j], ready(j, i)) + T(bytes(j, i)). Where updates start before the
/// last sum, it keeps every pair of (last sum, last update) that no other one beats. So it is exact
/// for Schedule's model, stragglers left out. Buckets are then merged where nothing is lost by it.
/// Where dtypes alternate, the default plan, whose buckets reach over others, may be better: then
/// it is the advice. Throws: as Predict does.
Advice Advise(const ModelProfile& profile, const Links& links, int workers,
              const PredictOptions& options = {});

}  // namespace convoy
