// Makes the transport between threads known to Launch.
#include "parallel/transport/inprocess/inprocess_group.h"
#include "parallel/transport/transport.h"

namespace convoy::transport {
namespace {

class InProcessTransport final : public Transport {
 public:
  std::string name() const override { return "inprocess"; }
  status::TransportTitle title() const override { return {"InProcess"}; }
  int Preference(DeviceType device, WorkerLayout layout) const override {
    return device == DeviceType::kCpu && layout != WorkerLayout::kProcesses ? 3 : 0;
  }
  Join Open(const TransportContext& context) override {
    return [groups = MakeInProcessGroups(context.run)](int rank, Device) {
      return groups[static_cast<size_t>(rank)];
    };
  }
};

[[maybe_unused]] const bool registered = [] {
  static InProcessTransport transport;
  RegisterTransport(&transport);
  return true;
}();

}  // namespace
}  // namespace convoy::transport
