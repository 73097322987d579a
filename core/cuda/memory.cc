// Memory of GPUs as the rest of the CUDA backend sees it.
#include "core/cuda/memory.h"

#include "core/tensor_impl.h"

namespace convoy::cuda {

void RecordUse(const Tensor& tensor, cudaStream_t stream) {
  PoolOf(tensor.device()).RecordUse(tensor.impl()->storage->data(), stream);
}

PoolStats GetPoolStats(Device device) { return PoolOf(device).Stats(); }

}  // namespace convoy::cuda
