// How Launch reaches the transport between GPUs without knowing CUDA.
#include "parallel/gpu_transport.h"

#include "core/error.h"

namespace convoy {
namespace {

GpuTransport* registered = nullptr;

}  // namespace

void RegisterGpuTransport(GpuTransport* transport) { registered = transport; }

GpuTransport& GetGpuTransport() {
  CONVOY_CHECK(registered != nullptr,
               "[Launch] this build has no transport between GPUs: link //parallel/nccl, or use "
               "--workers 1");
  return *registered;
}

}  // namespace convoy
