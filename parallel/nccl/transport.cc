// Makes NCCL known to Launch.
#include "parallel/gpu_transport.h"
#include "parallel/nccl/api.h"
#include "parallel/nccl/nccl_group.h"

namespace convoy::nccl {
namespace {

class Transport final : public GpuTransport {
 public:
  void Check() override { GetApi(); }
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
