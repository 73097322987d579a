// A bucket plan as a TOML file, for trainers' --bucket-plan.
#pragma once

#include <string>
#include <vector>

#include "parallel/data_parallel/bucket_plan.h"

namespace convoy {

/// Reads what WriteBucketPlan writes:
///
///     [[bucket]]
///     parameters = ["head.bias", "head.weight"]  # from the last one registered to the first
///
/// Throws: Error `[bucket plan] FILE:LINE: ...` unless the plan has every parameter of `parameters`
/// once, in reverse order of registration, none that is unknown, one dtype a bucket, and no empty
/// bucket; with the reason also if the file cannot be read or is no TOML.
BucketPlan ReadBucketPlan(const std::string& path, const std::vector<ParameterSize>& parameters);
BucketPlan ReadBucketPlan(const std::string& path, const ParameterList& parameters);

/// What stands above the buckets, for readers of the file.
struct BucketPlanSource {
  std::string model;    ///< "gpt2-124m"
  std::string made_by;  ///< a command
};

/// Replaces the file. Throws: Error if it cannot be written.
void WriteBucketPlan(const std::string& path, const std::vector<ParameterSize>& parameters,
                     const BucketPlan& plan, const BucketPlanSource& source);

}  // namespace convoy
