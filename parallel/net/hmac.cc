// HMAC-SHA256 (RFC 2104): every proof of a handshake and every MAC of a frame is made with it.
#include "parallel/net/hmac.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "core/base/error.h"

namespace convoy::net {

Digest HmacSha256(std::string_view key, std::string_view text) {
  Digest digest;
  unsigned bytes = 0;
  CONVOY_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                    reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
                    &bytes) != nullptr &&
                   bytes == digest.size(),
               "[Store] OpenSSL cannot compute an HMAC-SHA256");
  return digest;
}

}  // namespace convoy::net
