// The body of a frame between status pages: what is read is written again as the same bytes.
#include "parallel/status/status_messages.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  const std::string_view body = AsText(data, bytes);
  const auto message = status::ParseStatusMessage(body);
  if (message) Require(Frame(*message).substr(4) == body, "a message is written as it was read");
  return 0;
}
