// How long a piece of a stream's work took, told later and without waiting.
#include "parallel/nccl/timing.h"

#include <map>
#include <mutex>
#include <vector>

#include "core/cuda/check.h"
#include "core/cuda/stream.h"

namespace convoy::nccl {
namespace {

// Events with timing that are not in use, by device.
struct Pool {
  std::mutex mutex;
  std::map<int, std::vector<cudaEvent_t>> free;
};
Pool& GetPool() {
  static Pool* const pool = new Pool;
  return *pool;
}

cudaEvent_t Take(Device device) {
  {
    Pool& pool = GetPool();
    const std::lock_guard lock(pool.mutex);
    auto& free = pool.free[device.index];
    if (!free.empty()) {
      const cudaEvent_t event = free.back();
      free.pop_back();
      return event;
    }
  }
  cuda::Use(device);
  cudaEvent_t event = nullptr;
  CONVOY_CUDA(cudaEventCreate(&event));
  return event;
}

void Give(Device device, cudaEvent_t event) {
  Pool& pool = GetPool();
  const std::lock_guard lock(pool.mutex);
  pool.free[device.index].push_back(event);
}

}  // namespace

Interval::Interval(Device device) : device_(device), begin_(Take(device)), end_(Take(device)) {}

Interval::~Interval() {
  Give(device_, begin_);
  Give(device_, end_);
}

void Interval::Begin(cudaStream_t stream) { CONVOY_CUDA(cudaEventRecord(begin_, stream)); }
void Interval::End(cudaStream_t stream) { CONVOY_CUDA(cudaEventRecord(end_, stream)); }

double Interval::seconds() const {
  float ms = 0;
  if (cudaEventElapsedTime(&ms, begin_, end_) != cudaSuccess) {
    cudaGetLastError();  // not there yet
    return 0;
  }
  return ms * 1e-3;
}

}  // namespace convoy::nccl
