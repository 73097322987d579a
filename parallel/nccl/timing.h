// How long a piece of a stream's work took, told later and without waiting.
#pragma once

#include <cuda_runtime_api.h>

#include "core/device.h"

namespace convoy::nccl {

class Interval {
 public:
  explicit Interval(Device device);
  ~Interval();
  Interval(const Interval&) = delete;
  Interval& operator=(const Interval&) = delete;

  void Begin(cudaStream_t stream);
  void End(cudaStream_t stream);
  /// 0 as long as the device has not passed the end.
  double seconds() const;

 private:
  const Device device_;
  cudaEvent_t begin_ = nullptr;
  cudaEvent_t end_ = nullptr;
};

}  // namespace convoy::nccl
