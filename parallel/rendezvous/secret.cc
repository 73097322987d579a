// The secret of a job, and how two processes prove to each other that they know it.
#include "parallel/rendezvous/secret.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>

#include "core/error.h"
#include "parallel/rendezvous/frame.h"

namespace convoy {
namespace {

constexpr uint32_t kMagic = 0x31595643;  // "CVY1": also the version
constexpr std::string_view kContext = "convoy rendezvous 1";

enum : uint8_t { kHello = 1, kChallenge = 2, kClientProof = 3, kServerProof = 4 };

Nonce Draw() {
  Nonce nonce;
  CONVOY_CHECK(RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) == 1,
               "[Store] the system gives no random numbers");
  return nonce;
}

template <size_t kBytes>
std::string_view View(const std::array<unsigned char, kBytes>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), kBytes};
}

Nonce ReadNonce(FrameReader& reader) {
  Nonce nonce{};
  const std::string_view raw = reader.Raw(nonce.size());
  std::copy(raw.begin(), raw.end(), nonce.begin());
  return nonce;
}

// `side` is the kind of the frame that carries it: neither side's proof serves for the other's.
Proof Prove(std::string_view secret, uint8_t side, Purpose purpose, int rank, const Nonce& client,
            const Nonce& server) {
  const std::string text = FrameWriter(side)
                               .Raw(kContext)
                               .U8(static_cast<uint8_t>(purpose))
                               .I32(rank)
                               .Raw(View(client))
                               .Raw(View(server))
                               .Take();
  Proof proof;
  unsigned bytes = 0;
  CONVOY_CHECK(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
                    reinterpret_cast<const unsigned char*>(text.data()), text.size(), proof.data(),
                    &bytes) != nullptr &&
                   bytes == proof.size(),
               "[Store] OpenSSL cannot compute an HMAC-SHA256");
  return proof;
}

// In a time that does not depend on where they differ.
bool IsProof(std::string_view body, uint8_t side, const Proof& expected) {
  FrameReader reader(body);
  if (reader.U8() != side) return false;
  const std::string_view proof = reader.Raw(expected.size());
  return reader.Finished() && CRYPTO_memcmp(proof.data(), expected.data(), expected.size()) == 0;
}

void CheckSecret(std::string_view secret) {
  CONVOY_CHECK(!secret.empty() && secret.size() <= 4096,
               "[Store] expected a secret of 1 to 4096 bytes, got {}; every process of a job must "
               "have the same",
               secret.size());
}

}  // namespace

std::string DrawSecret() { return fmt::format("{:02x}", fmt::join(Draw(), "")); }

ClientHandshake::ClientHandshake(std::string_view secret, Purpose purpose, int rank)
    : secret_(secret), purpose_(purpose), rank_(rank), mine_(Draw()) {
  CheckSecret(secret);
}

std::string ClientHandshake::Hello() const {
  return FrameWriter(kHello)
      .U32(kMagic)
      .U8(static_cast<uint8_t>(purpose_))
      .I32(rank_)
      .Raw(View(mine_))
      .Take();
}

std::optional<std::string> ClientHandshake::Answer(std::string_view challenge) {
  FrameReader reader(challenge);
  const uint8_t kind = reader.U8();
  theirs_ = ReadNonce(reader);
  if (kind != kChallenge || !reader.Finished()) return {};
  const Proof proof = Prove(secret_, kClientProof, purpose_, rank_, mine_, theirs_);
  return FrameWriter(kClientProof).Raw(View(proof)).Take();
}

bool ClientHandshake::Accepts(std::string_view welcome) const {
  return IsProof(welcome, kServerProof,
                 Prove(secret_, kServerProof, purpose_, rank_, mine_, theirs_));
}

ServerHandshake::ServerHandshake(std::string_view secret) : secret_(secret), mine_(Draw()) {
  CheckSecret(secret);
}

std::optional<std::string> ServerHandshake::Take(std::string_view body) {
  if (step_ == 0) {
    FrameReader reader(body);
    const bool hello = reader.U8() == kHello && reader.U32() == kMagic;
    const uint8_t purpose = reader.U8();
    rank_ = reader.I32();
    theirs_ = ReadNonce(reader);
    if (!hello || !reader.Finished()) return {};
    if (purpose != static_cast<uint8_t>(Purpose::kStore) &&
        purpose != static_cast<uint8_t>(Purpose::kBoard)) {
      return {};
    }
    purpose_ = static_cast<Purpose>(purpose);
    step_ = 1;
    return FrameWriter(kChallenge).Raw(View(mine_)).Take();
  }
  if (step_ != 1) return {};
  if (!IsProof(body, kClientProof, Prove(secret_, kClientProof, purpose_, rank_, theirs_, mine_))) {
    return {};
  }
  step_ = 2;
  const Proof proof = Prove(secret_, kServerProof, purpose_, rank_, theirs_, mine_);
  return FrameWriter(kServerProof).Raw(View(proof)).Take();
}

}  // namespace convoy
