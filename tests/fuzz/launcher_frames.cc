// What the launcher and its agents say to each other.
#include "core/base/error.h"
#include "tests/fuzz/fuzz.h"
#include "tools/launcher/frames.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  try {
    FrameReader reader;
    reader.Append(AsText(data, bytes));
    while (const auto frame = reader.Next()) {
      if (frame->kind != FrameKind::kStart) continue;
      const StartOrder order = ParseStartOrder(frame->text);
      Require(!order.command.empty() && !order.ranks.empty(), "something to start");
    }
  } catch (const Error&) {
  }
  return 0;
}
