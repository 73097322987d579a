// What is added to each frame of an authenticated connection: see frame_mac.h.
#include "parallel/net/frame_mac.h"

#include <openssl/crypto.h>

namespace convoy::net {

Digest FrameMac::Compute(std::string_view body) {
  std::string text;
  text.reserve(sizeof(next_) + body.size());
  for (size_t i = 0; i < sizeof(next_); ++i) text += static_cast<char>(next_ >> (8 * i) & 0xff);
  text += body;
  ++next_;
  return HmacSha256(AsBytes(key_), text);
}

std::string FrameMac::Sign(std::string_view frame) {
  const std::string_view body = frame.substr(kFrameLengthBytes);
  const uint64_t bytes = body.size() + kMacBytes;
  std::string signed_frame;
  signed_frame.reserve(kFrameLengthBytes + bytes);
  for (size_t i = 0; i < kFrameLengthBytes; ++i) {
    signed_frame += static_cast<char>(bytes >> (8 * i) & 0xff);
  }
  signed_frame += body;
  signed_frame += AsBytes(Compute(body)).substr(0, kMacBytes);
  return signed_frame;
}

std::optional<std::string_view> FrameMac::Verify(std::string_view signed_body) {
  if (signed_body.size() <= kMacBytes) return {};
  const std::string_view body = signed_body.substr(0, signed_body.size() - kMacBytes);
  const std::string_view mac = signed_body.substr(body.size());
  const Digest expected = Compute(body);
  if (CRYPTO_memcmp(mac.data(), expected.data(), kMacBytes) != 0) return {};
  return body;
}

}  // namespace convoy::net
