// The bucket plan with the least exposed time for a model on given links.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/scaling/model/predict.h"

namespace convoy::scaling {

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
  double step_ms = 0;  ///< of a step with this plan
  double exposed_ms = 0;
  size_t default_buckets = 0;  ///< how many PredictOptions::buckets makes
  double default_step_ms = 0;
  double default_exposed_ms = 0;
};

/// The best of all plans that cut the gradients, in reverse order of registration, into buckets of
/// one dtype. A dynamic programme over the cuts: the last allreduce of the first i gradients ends
/// at E[i] = min over j of max(E[j], ready(j, i)) + T(bytes(j, i)). Where updates may start before
/// the last allreduce, it keeps every pair (last allreduce, last update) that no other pair beats
/// in both. So it is exact for Schedule's model without stragglers. Buckets are then merged where
/// that costs nothing. Where dtypes alternate, the default plan, whose buckets skip over gradients
/// of other dtypes, may be better: then it is the advice. Throws: as Predict does.
Advice Advise(const ModelProfile& profile, const Links& links, int workers,
              const PredictOptions& options = {});

}  // namespace convoy::scaling
