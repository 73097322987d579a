// Makes NCCL known to Launch.
#include <cuda_runtime_api.h>
#include <fmt/format.h>

#include <string>

#include "core/cuda/check.h"
#include "core/cuda/device.h"
#include "parallel/transport/nccl/api.h"
#include "parallel/transport/nccl/nccl_group.h"
#include "parallel/transport/transport.h"

namespace convoy::nccl {
namespace {

class NcclTransport final : public transport::Transport {
 public:
  std::string name() const override { return "nccl"; }
  status::TransportTitle title() const override { return NcclGroup::kTitle; }
  int Preference(DeviceType device, transport::WorkerLayout layout) const override {
    if (device != DeviceType::kCuda) return 0;
    return layout == transport::WorkerLayout::kAlone ? 1 : 3;
  }
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
  Join Open(const transport::TransportContext& context) override {
    return [run = context.run, timeout_s = context.timeout_s](int rank, Device device) {
      GetApi();
      return std::make_shared<NcclGroup>(status::Membership{
          .page = run->page(), .rank = rank, .device = device, .timeout_s = timeout_s});
    };
  }
};

[[maybe_unused]] const bool registered = [] {
  static NcclTransport transport;
  transport::RegisterTransport(&transport);
  return true;
}();

}  // namespace
}  // namespace convoy::nccl
