// What is added to each frame of an authenticated connection, so that nobody on its way can change,
// repeat, reorder or leave out one of them unnoticed. It hides nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "parallel/net/frame.h"
#include "parallel/net/hmac.h"

namespace convoy::net {

/// One direction of a connection, at one of its ends. The MAC of a body is the first kMacBytes of
/// the HMAC-SHA256, under the key of the direction, of the frame's number (u64, little-endian, from
/// 0) and the body; it stands behind the body, within the frame's length.
class FrameMac {
 public:
  explicit FrameMac(const Digest& key) : key_(key) {}

  /// The next frame as it travels; `frame` is whole, with its length.
  std::string Sign(std::string_view frame);
  /// The body of the next frame without its MAC; none if that is not the right one.
  std::optional<std::string_view> Verify(std::string_view signed_body);

 private:
  // Of the next frame.
  Digest Compute(std::string_view body);

  Digest key_;
  uint64_t next_ = 0;
};

}  // namespace convoy::net
