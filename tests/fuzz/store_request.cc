// The body of a frame to or from the store: what is read is written again as the same bytes.
#include "parallel/store/store_messages.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  const std::string_view body = AsText(data, bytes);
  if (const auto request = store::ParseStoreRequest(body)) {
    Require(Frame(*request).substr(4) == body, "a request is written as it was read");
  }
  if (const auto reply = store::ParseStoreReply(body)) {
    Require(Frame(*reply).substr(4) == body, "a reply is written as it was read");
  }
  return 0;
}
