// What somebody without the keys sends over a connection that has been authenticated.
#include "parallel/net/frame_mac.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  const std::string_view text = AsText(data, bytes);
  net::Digest key{};
  key.fill(7);
  net::FrameMac forged(key);
  Require(!forged.Verify(text), "a body without the right MAC is refused");
  if (text.empty()) return 0;
  net::FrameMac signs(key), verifies(key);
  const std::string frame = net::FrameWriter(1).Raw(text).Take();
  for (int i = 0; i < 2; ++i) {
    const std::string signed_frame = signs.Sign(frame).substr(net::kFrameLengthBytes);
    Require(verifies.Verify(signed_frame) == std::string_view(frame).substr(net::kFrameLengthBytes),
            "what was signed_frame is opened");
  }
  return 0;
}
