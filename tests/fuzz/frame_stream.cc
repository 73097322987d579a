// A stream of frames in pieces. The first byte says how long the pieces are, the second who sends.
#include <algorithm>
#include <cstring>

#include "parallel/net/frame.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  if (bytes < 2) return 0;
  const size_t piece = size_t{1} + data[0];
  const size_t limit = data[1] % 2 == 0 ? net::kMaxUnauthenticatedFrameBytes : net::kMaxFrameBytes;
  std::string_view rest = AsText(data + 2, bytes - 2);
  net::FrameAssembler assembler(limit);
  while (!rest.empty()) {
    const std::span<char> want = assembler.Want();
    Require(!want.empty() && want.size() <= size_t{64} << 10, "memory comes with the bytes");
    const size_t some = std::min({want.size(), rest.size(), piece});
    std::memcpy(want.data(), rest.data(), some);
    rest.remove_prefix(some);
    switch (assembler.Got(some)) {
      case net::FrameAssembler::State::kTooLong:
        return 0;
      case net::FrameAssembler::State::kMore:
        break;
      case net::FrameAssembler::State::kWhole:
        Require(!assembler.body().empty() && assembler.body().size() <= limit, "it is bounded");
        assembler.Restart(limit);
        break;
    }
  }
  return 0;
}
