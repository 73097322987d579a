// A file that names worker 0, or does not.
#include "parallel/rendezvous/file_meeting.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  const auto server = rendezvous::ParseMeetingFile(AsText(data, bytes));
  if (!server) return 0;
  Require(server->port >= 1 && server->port <= 65535, "a port");
  Require(!server->host.empty() && !server->secret.empty(), "nothing is empty");
  return 0;
}
