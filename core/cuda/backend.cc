// The CUDA backend, as the core sees it.
#include "core/backend.h"

#include "core/cuda/capture_mode.h"
#include "core/cuda/check.h"
#include "core/cuda/copy.h"
#include "core/cuda/device.h"
#include "core/cuda/graph.h"
#include "core/cuda/kernels.h"
#include "core/cuda/pool.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {
namespace {

class CudaBackend final : public Backend {
 public:
  int DeviceCount(std::string* why) override { return cuda::DeviceCount(why); }
  std::string Describe(Device device) override { return Info(device).name; }
  int64_t HostWaits() override { return cuda::HostWaits(); }
  void Synchronize(Device device) override { cuda::Synchronize(Use(device)); }

  void* Allocate(Device device, size_t bytes) override {
    const cudaStream_t stream = Use(device);
    return PoolOf(device).Allocate(bytes, stream);
  }
  void Free(Device device, void* pointer, size_t /*bytes*/) noexcept override {
    PoolOf(device).Free(pointer);
  }
  MemoryStats Stats(Device device) override { return PoolOf(device).Stats().memory; }
  void ResetPeak(Device device) override { PoolOf(device).ResetPeak(); }
  void ReleaseCached(Device device) override { PoolOf(device).ReleaseCached(); }

  void Copy(Device to_device, void* to, Device from_device, const void* from,
            size_t bytes) override {
    if (to_device.is_cpu()) {
      CopyToHost(to, from_device, from, bytes);
    } else if (from_device.is_cpu()) {
      CopyFromHost(to_device, to, from, bytes);
    } else {
      CopyOnDevices(to_device, to, from_device, from, bytes);
    }
  }
  std::unique_ptr<HostCopy> StartCopyToHost(Device device, const void* from,
                                            size_t bytes) override {
    return cuda::StartCopyToHost(device, from, bytes);
  }
  void Zero(Device device, void* to, size_t bytes) override {
    if (bytes > 0) CONVOY_CUDA(cudaMemsetAsync(to, 0, bytes, Use(device)));
  }
  void Fill(Device device, void* to, DType dtype, double value, int64_t numel) override {
    cuda::Fill(device, to, dtype, value, numel);
  }
  void AddInto(Device device, void* to, const void* from, DType dtype, int64_t numel) override {
    cuda::AddInto(device, to, from, dtype, numel);
  }
  bool IsRecording() override { return recording_graph != 0; }
  std::unique_ptr<Recording> Record(Device device, const std::function<void()>& work) override {
    return RecordGraph(device, work);
  }
};

const bool registered = [] {
  static CudaBackend* backend = new CudaBackend;  // tensors of static duration may outlive anything
  RegisterBackend(DeviceType::kCuda, backend);
  return true;
}();

}  // namespace
}  // namespace convoy::cuda
