// Which parameters share a bucket: a pure function of names, sizes and dtypes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/tensor.h"

namespace convoy {

/// All that a plan needs to know of a parameter.
struct ParameterSize {
  std::string name;
  int64_t bytes = 0;
  DType dtype = DType::kF32;
};
std::vector<ParameterSize> SizesOf(const ParameterList& parameters);

/// Buckets are filled in reverse order of registration (roughly the order in which gradients
/// appear) and closed when the next parameter would pass the cap; a parameter larger than the cap
/// has a bucket of its own; dtypes never share one.
struct BucketOptions {
  int64_t bytes = int64_t{25} << 20;
  int64_t first_bytes = int64_t{1} << 20;  ///< small, so that communication starts early
  int64_t last_bytes = int64_t{1} << 20;   ///< small, since backward cannot hide it
};

/// With buckets of so many MiB, the first and the last no larger.
BucketOptions BucketsOfMb(double mb);

/// plan[b]: bucket b's parameters as indices into the list.
/// Throws: Error unless every cap is positive.
using BucketPlan = std::vector<std::vector<int>>;
BucketPlan PlanBuckets(const ParameterList& parameters, const BucketOptions& options = {});
/// The same of parameters that are nowhere: for predictions.
BucketPlan PlanSizes(const std::vector<ParameterSize>& parameters,
                     const BucketOptions& options = {});

/// "bucket 3 (h.0.mlp.weight, h.0.mlp.bias and 4 more)"
std::string BucketName(size_t index, const std::vector<std::string>& parameters);

/// "name shape dtype bucket" of each parameter in plan order, one a line: what all workers must
/// agree on.
std::string DescribePlan(const ParameterList& parameters, const BucketPlan& plan);
/// "name shape dtype buffer", as DescribePlan, of tensors that are in no bucket.
std::string DescribeBuffers(const ParameterList& buffers);

}  // namespace convoy
