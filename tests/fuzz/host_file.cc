// A file of hosts for tools/launch.
#include "tools/launcher/host_file.h"

#include "core/base/error.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  using namespace convoy::launcher;
  try {
    const auto hosts = ParseHosts(AsText(data, bytes), "hosts");
    Require(!hosts.empty(), "a host");
    for (const Host& host : hosts) {
      Require(host.slots >= 1 && host.slots <= 1024, "slots");
      Require(!host.name.empty() && host.name[0] != '-', "a name that is no flag of ssh");
    }
  } catch (const Error& error) {
    const std::string_view what = error.what();
    Require(what.starts_with("[tools/launch] hosts:") && what.find("expected ") != what.npos,
            "an error says where, and what was expected");
    for (const char c : what) Require(c >= ' ' || c < 0, "a message moves no cursor");
  }
  return 0;
}
