// What somebody without the keys sends over a connection that has been authenticated.
#include "parallel/net/frame_mac.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  const std::string_view text = AsText(data, bytes);
  Digest key{};
  key.fill(7);
  FrameMac forged(key);
  Require(!forged.Open(text), "a body without the right seal is refused");
  if (text.empty()) return 0;
  FrameMac seals(key), opens(key);
  const std::string frame = FrameWriter(1).Raw(text).Take();
  for (int i = 0; i < 2; ++i) {
    const std::string sealed = seals.Seal(frame).substr(kFrameLengthBytes);
    Require(opens.Open(sealed) == std::string_view(frame).substr(kFrameLengthBytes),
            "what was sealed is opened");
  }
  return 0;
}
