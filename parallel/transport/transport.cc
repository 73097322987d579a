// The transports, by name: each registers itself, and Launch takes the one that fits.
#include "parallel/transport/transport.h"

#include <algorithm>
#include <vector>

#include "core/base/error.h"
#include "core/base/exit_status.h"

namespace convoy::transport {
namespace {

// Sorted by name: static initialisers come in no order.
std::vector<Transport*>& Registered() {
  static std::vector<Transport*> transports;
  return transports;
}

template <typename Condition>
std::string NamesWhere(const Condition& condition) {
  std::string names;
  for (const Transport* transport : Registered()) {
    if (condition(*transport)) names += (names.empty() ? "" : ", ") + transport->name();
  }
  return names;
}

const char* Describe(WorkerLayout layout) {
  switch (layout) {
    case WorkerLayout::kAlone:
      return "one worker";
    case WorkerLayout::kThreads:
      return "workers that are threads";
    case WorkerLayout::kProcesses:
      break;
  }
  return "workers that are processes";
}

}  // namespace

std::string Transport::Identify(int) {
  Fail("[Launch] the transport '{}' does not connect GPUs", name());
}

void RegisterTransport(Transport* transport) {
  std::vector<Transport*>& all = Registered();
  const auto at = std::lower_bound(
      all.begin(), all.end(), transport,
      [](const Transport* a, const Transport* b) { return a->name() < b->name(); });
  if (at != all.end() && (*at)->name() == transport->name()) {
    *at = transport;
  } else {
    all.insert(at, transport);
  }
}

void CheckTransportName(const std::string& name) {
  const auto is_called = [&](const Transport& transport) { return transport.name() == name; };
  CheckUsage(name == "auto" || !NamesWhere(is_called).empty(),
             "[Launch] --transport wants auto or one of {}, got '{}'", TransportNames(), name);
}

std::string TransportNames() {
  return NamesWhere([](const Transport&) { return true; });
}

Transport& FindTransport(const std::string& name, DeviceType device, WorkerLayout layout) {
  CheckTransportName(name);
  Transport* best = nullptr;
  int preference = 0;
  for (Transport* transport : Registered()) {
    if (name != "auto" && transport->name() != name) continue;
    const int offered = transport->Preference(device, layout);
    if (offered > preference) {
      best = transport;
      preference = offered;
    }
  }
  if (best != nullptr) return *best;
  const char* kind = device == DeviceType::kCuda ? "GPUs" : "CPUs";
  const std::string fitting =
      NamesWhere([&](const Transport& it) { return it.Preference(device, layout) > 0; });
  CONVOY_CHECK(!fitting.empty(),
               "[Launch] this build has no transport for {} on {}; link one (for GPUs: "
               "//parallel/transport/nccl), or use --workers 1",
               Describe(layout), kind);
  Fail("[Launch] --transport {} does not connect {} on {}; use {}", name, Describe(layout), kind,
       fitting);
}

}  // namespace convoy::transport
