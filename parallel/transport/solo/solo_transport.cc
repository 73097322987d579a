// Makes the group of a lone worker known to Launch.
#include "parallel/transport/solo/solo_group.h"
#include "parallel/transport/transport.h"

namespace convoy::transport {
namespace {

class SoloTransport final : public Transport {
 public:
  std::string name() const override { return "solo"; }
  status::TransportTitle title() const override { return {"Solo"}; }
  int Preference(DeviceType device, WorkerLayout layout) const override {
    if (layout != WorkerLayout::kAlone) return 0;
    return device == DeviceType::kCpu ? 1 : 2;
  }
  Join Open(const TransportContext& context) override {
    return [page = context.run->page()](int, Device device) {
      return std::make_shared<SoloGroup>(device, page);
    };
  }
};

[[maybe_unused]] const bool registered = [] {
  static SoloTransport transport;
  RegisterTransport(&transport);
  return true;
}();

}  // namespace
}  // namespace convoy::transport
