// What happens to gradients between a Backward and an optimizer's Step, as a policy.
#include "parallel/data_parallel/grad_sync.h"

#include <vector>

namespace convoy {

Work AllReduceSync::Reduce(const FlatBucket& bucket, std::string_view name) {
  return group_.AllReduce(bucket.gradients, ReduceOp::kSum, name);
}

FlatOptions ShardedSync::Ownership() const {
  return {.owners = group_.size(), .owner = group_.rank()};
}

Work ShardedSync::Reduce(const FlatBucket& bucket, std::string_view name) {
  return group_.ReduceScatter(bucket.gradients, bucket.OwnedGradients(), ReduceOp::kSum, name);
}

Work ShardedSync::Gather(const FlatBucket& bucket, std::string_view name) {
  return group_.AllGather(bucket.OwnedValues(), bucket.values, name);
}

void ShardedSync::Share(std::span<const Tensor> tensors) {
  std::vector<Work> gathers;
  for (const Tensor& tensor : tensors) {
    const int64_t part = tensor.numel() / group_.size();
    gathers.push_back(group_.AllGather(tensor.View({part}, part * group_.rank()), tensor));
  }
  for (Work& gather : gathers) gather.Wait();
}

}  // namespace convoy
