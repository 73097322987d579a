// Which parameters share a bucket: a pure function of names, sizes and dtypes.
#include "parallel/data_parallel/bucket_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/base/error.h"

namespace convoy {
namespace {

using Sizes = std::vector<ParameterSize>;

int64_t Bytes(const Sizes& parameters, int index) {
  return parameters[static_cast<size_t>(index)].bytes;
}

// Fills buckets with order[begin, end): the first one up to `first_cap`, the others up to `cap`.
void Fill(const Sizes& parameters, const std::vector<int>& order, size_t begin, size_t end,
          int64_t first_cap, int64_t cap, BucketPlan& plan) {
  int64_t room = 0;
  for (size_t i = begin; i < end; ++i) {
    const int64_t bytes = Bytes(parameters, order[i]);
    if (i == begin || bytes > room) {
      plan.emplace_back();
      room = i == begin ? first_cap : cap;
    }
    plan.back().push_back(order[i]);
    room -= bytes;
  }
}

// Buckets of parameters of one dtype, in the order given.
BucketPlan PlanOneDType(const Sizes& parameters, const std::vector<int>& order,
                        const BucketOptions& options) {
  size_t tail = order.size();  // the last bucket is order[tail, end)
  for (int64_t bytes = 0; tail > 0; --tail) {
    bytes += Bytes(parameters, order[tail - 1]);
    if (bytes > options.last_bytes && tail < order.size()) break;
  }
  BucketPlan plan;
  Fill(parameters, order, 0, tail, options.first_bytes, options.bytes, plan);
  // A tail that reaches back to the start is the first bucket as well, and must be as small.
  Fill(parameters, order, tail, order.size(), tail == 0 ? options.first_bytes : options.last_bytes,
       options.last_bytes, plan);
  return plan;
}

}  // namespace

std::vector<ParameterSize> SizesOf(const ParameterList& parameters) {
  std::vector<ParameterSize> sizes;
  for (const auto& [name, tensor] : parameters) {
    sizes.push_back({name, static_cast<int64_t>(tensor.bytes()), tensor.dtype()});
  }
  return sizes;
}

BucketOptions BucketsOfMb(double mb) {
  BucketOptions options;
  options.bytes = std::max<int64_t>(1, static_cast<int64_t>(mb * (1 << 20)));
  options.first_bytes = std::min(options.first_bytes, options.bytes);
  options.last_bytes = std::min(options.last_bytes, options.bytes);
  return options;
}

BucketPlan PlanBuckets(const ParameterList& parameters, const BucketOptions& options) {
  return PlanSizes(SizesOf(parameters), options);
}

BucketPlan PlanSizes(const Sizes& parameters, const BucketOptions& options) {
  CONVOY_CHECK(options.bytes > 0 && options.first_bytes > 0 && options.last_bytes > 0,
               "[PlanBuckets] every cap must be positive, got bytes {}, first_bytes {}, "
               "last_bytes {}",
               options.bytes, options.first_bytes, options.last_bytes);
  std::map<DType, std::vector<int>> orders;
  for (int i = static_cast<int>(parameters.size()); i-- > 0;) {
    orders[parameters[static_cast<size_t>(i)].dtype].push_back(i);
  }
  BucketPlan plan;
  for (const auto& [dtype, order] : orders) {
    for (std::vector<int>& bucket : PlanOneDType(parameters, order, options)) {
      plan.push_back(std::move(bucket));
    }
  }
  // In the order in which they are expected to be complete: by their last parameter.
  std::sort(plan.begin(), plan.end(),
            [](const auto& a, const auto& b) { return a.back() > b.back(); });
  return plan;
}

std::string BucketName(size_t index, const std::vector<std::string>& parameters) {
  constexpr size_t kShown = 2;
  std::string text = fmt::format("bucket {} (", index);
  for (size_t i = 0; i < std::min(parameters.size(), kShown); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", parameters[i]);
  }
  if (parameters.size() > kShown) text += fmt::format(" and {} more", parameters.size() - kShown);
  return text + ")";
}

std::string DescribePlan(const ParameterList& parameters, const BucketPlan& plan) {
  std::string text;
  for (size_t b = 0; b < plan.size(); ++b) {
    for (const int index : plan[b]) {
      CONVOY_CHECK(index >= 0 && index < static_cast<int>(parameters.size()),
                   "[DataParallel] bucket {} of the plan names parameter {} of {}", b, index,
                   parameters.size());
      const auto& [name, tensor] = parameters[static_cast<size_t>(index)];
      text +=
          fmt::format("{} {} {} {}\n", name, tensor.shape().ToString(), Name(tensor.dtype()), b);
    }
  }
  return text;
}

std::string DescribeBuffers(const ParameterList& buffers) {
  std::string text;
  for (const auto& [name, tensor] : buffers) {
    text += fmt::format("{} {} {} buffer\n", name, tensor.shape().ToString(), Name(tensor.dtype()));
  }
  return text;
}

}  // namespace convoy
