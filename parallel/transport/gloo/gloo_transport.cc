// Makes Gloo known to Launch.
#include "core/base/error.h"
#include "parallel/transport/gloo/gloo_group.h"
#include "parallel/transport/transport.h"

namespace convoy::transport {
namespace {

class GlooTransport final : public Transport {
 public:
  std::string name() const override { return "gloo"; }
  status::TransportTitle title() const override { return GlooGroup::kTitle; }
  int Preference(DeviceType device, WorkerLayout layout) const override {
    if (device != DeviceType::kCpu) return 0;
    return layout == WorkerLayout::kProcesses ? 3 : 1;
  }
  Join Open(const TransportContext& context) override {
    CONVOY_CHECK(
        context.store != nullptr && context.local_host != nullptr && context.secret != nullptr,
        "[Gloo] these workers have no store where they could find each other");
    return [context, secret = context.secret()](int rank, Device device) {
      const status::Membership membership = {.page = context.run->page(),
                                             .rank = rank,
                                             .device = device,
                                             .timeout_s = context.timeout_s};
      return std::make_shared<GlooGroup>(membership, context.store,
                                         MeshPlace{context.local_host(), secret});
    };
  }
};

[[maybe_unused]] const bool registered = [] {
  static GlooTransport transport;
  RegisterTransport(&transport);
  return true;
}();

}  // namespace
}  // namespace convoy::transport
