// HMAC-SHA256 (RFC 2104): every proof of a handshake and every MAC of a frame is made with it.
#pragma once

#include <array>
#include <string_view>

namespace convoy::net {

using Digest = std::array<unsigned char, 32>;

/// Throws: Error if OpenSSL cannot compute it.
Digest HmacSha256(std::string_view key, std::string_view text);

template <size_t kBytes>
std::string_view AsBytes(const std::array<unsigned char, kBytes>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), kBytes};
}

}  // namespace convoy::net
