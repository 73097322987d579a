// Makes NCCL known to Launch.
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <string>

#include "core/cuda/check.h"
#include "core/cuda/device.h"
#include "parallel/gpu_transport.h"
#include "parallel/nccl/api.h"
#include "parallel/nccl/nccl_group.h"

namespace convoy::nccl {
namespace {

class Transport final : public GpuTransport {
 public:
  void Check() override { GetApi(); }
  std::string Identify(int gpu) override {
    cudaDeviceProp properties;
    CONVOY_CUDA(cudaGetDeviceProperties(&properties, gpu));
    std::string text = cuda::Info(Device::Cuda(gpu)).name + ", GPU-";
    for (int i = 0; i < 16; ++i) {  // as nvidia-smi writes it
      if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
      text += fmt::format("{:02x}", static_cast<unsigned char>(properties.uuid.bytes[i]));
    }
    return text;
  }
  std::shared_ptr<ProcessGroup> Join(const Seat& seat) override {
    GetApi();
    return std::make_shared<NcclGroup>(seat);
  }
};

[[maybe_unused]] const bool registered = [] {
  static Transport transport;
  RegisterGpuTransport(&transport);
  return true;
}();

}  // namespace
}  // namespace convoy::nccl
