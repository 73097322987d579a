// The secret of a job, and how two processes prove to each other that they know it.
#include "parallel/net/secret.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <set>

#include "core/base/error.h"
#include "parallel/net/frame.h"

namespace convoy::net {
namespace {

constexpr uint32_t kMagic = 0x32595643;  // "CVY2": also the version
constexpr std::string_view kContext = "convoy rendezvous 2";
constexpr size_t kStrongBytes = 32, kStrongDistinct = 8;

// The kinds of frames, and what else is derived from the secret.
enum : uint8_t {
  kHello = 1,
  kChallenge = 2,
  kClientProof = 3,
  kServerProof = 4,
  kOtherJobProof = 5,
  kClientMac = 6,
  kServerMac = 7,
};

Nonce Draw() {
  Nonce nonce;
  CONVOY_CHECK(RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) == 1,
               "[Store] the system gives no random numbers");
  return nonce;
}

Nonce ReadNonce(FrameReader& reader) {
  Nonce nonce{};
  const std::string_view raw = reader.Raw(nonce.size());
  std::copy(raw.begin(), raw.end(), nonce.begin());
  return nonce;
}

// `what` is first: what is derived for one end does not serve for any other.
Digest Derive(std::string_view secret, uint8_t what, const Introduction& it, std::string_view job) {
  return HmacSha256(secret, FrameWriter(what)
                                .Raw(kContext)
                                .U8(static_cast<uint8_t>(it.purpose))
                                .I32(it.rank)
                                .Raw(AsBytes(it.client))
                                .Raw(AsBytes(it.server))
                                .Text(job)
                                .Take());
}

Digest Derive(std::string_view secret, uint8_t what, const Introduction& it) {
  return Derive(secret, what, it, it.job);
}

MacKeys DeriveKeys(std::string_view secret, const Introduction& it) {
  return {.from_client = Derive(secret, kClientMac, it),
          .from_server = Derive(secret, kServerMac, it)};
}

// In a time that does not depend on where they differ.
bool IsSame(std::string_view proof, const Proof& expected) {
  return proof.size() == expected.size() &&
         CRYPTO_memcmp(proof.data(), expected.data(), expected.size()) == 0;
}

bool IsProof(std::string_view body, uint8_t side, const Proof& expected) {
  FrameReader reader(body);
  if (reader.U8() != side) return false;
  const std::string_view proof = reader.Raw(expected.size());
  return reader.Finished() && IsSame(proof, expected);
}

void Check(std::string_view secret, std::string_view job) {
  CONVOY_CHECK(!secret.empty() && secret.size() <= 4096,
               "[Store] expected a secret of 1 to 4096 bytes, got {}; every process of a job must "
               "have the same",
               secret.size());
  CONVOY_CHECK(job.size() <= kMaxJobBytes,
               "[Store] expected a job's name of at most {} bytes, got {}", kMaxJobBytes,
               job.size());
}

}  // namespace

std::string DrawSecret() { return fmt::format("{:02x}", fmt::join(Draw(), "")); }

bool IsWeakSecret(std::string_view secret) {
  return secret.size() < kStrongBytes ||
         std::set<char>(secret.begin(), secret.end()).size() < kStrongDistinct;
}

ClientHandshake::ClientHandshake(std::string_view secret, Purpose purpose, int rank,
                                 std::string_view job)
    : secret_(secret),
      introduction_{.purpose = purpose, .rank = rank, .job = std::string(job), .client = Draw()} {
  Check(secret, job);
}

std::string ClientHandshake::Hello() const {
  return FrameWriter(kHello)
      .U32(kMagic)
      .U8(static_cast<uint8_t>(introduction_.purpose))
      .I32(introduction_.rank)
      .Raw(AsBytes(introduction_.client))
      .Text(introduction_.job)
      .Take();
}

std::optional<std::string> ClientHandshake::Answer(std::string_view challenge) {
  FrameReader reader(challenge);
  const uint8_t kind = reader.U8();
  introduction_.server = ReadNonce(reader);
  if (kind != kChallenge || !reader.Finished()) return {};
  const Proof proof = Derive(secret_, kClientProof, introduction_);
  return FrameWriter(kClientProof).Raw(AsBytes(proof)).Take();
}

bool ClientHandshake::Accepts(std::string_view welcome) const {
  return IsProof(welcome, kServerProof, Derive(secret_, kServerProof, introduction_));
}

std::optional<std::string> ClientHandshake::OtherJob(std::string_view welcome) const {
  FrameReader reader(welcome);
  if (reader.U8() != kOtherJobProof) return {};
  const std::string_view job = reader.Text(kMaxJobBytes);
  const std::string_view proof = reader.Raw(Proof().size());
  if (!reader.Finished()) return {};
  if (!IsSame(proof, Derive(secret_, kOtherJobProof, introduction_, job))) return {};
  return std::string(job);
}

MacKeys ClientHandshake::keys() const { return DeriveKeys(secret_, introduction_); }

ServerHandshake::ServerHandshake(std::string_view secret, std::string_view job)
    : secret_(secret), job_(job), introduction_{.server = Draw()} {
  Check(secret, job);
}

std::optional<std::string> ServerHandshake::Take(std::string_view body) {
  if (step_ == kNew) {
    FrameReader reader(body);
    const bool hello = reader.U8() == kHello && reader.U32() == kMagic;
    const uint8_t purpose = reader.U8();
    introduction_.rank = reader.I32();
    introduction_.client = ReadNonce(reader);
    introduction_.job = reader.Text(kMaxJobBytes);
    if (!hello || !reader.Finished()) return {};
    if (purpose < static_cast<uint8_t>(Purpose::kStore) ||
        purpose > static_cast<uint8_t>(Purpose::kMesh)) {
      return {};
    }
    introduction_.purpose = static_cast<Purpose>(purpose);
    step_ = kChallenged;
    return FrameWriter(kChallenge).Raw(AsBytes(introduction_.server)).Take();
  }
  if (step_ != kChallenged) return {};
  if (!IsProof(body, kClientProof, Derive(secret_, kClientProof, introduction_))) return {};
  if (introduction_.job != job_) {
    step_ = kOtherJob;
    const Proof proof = Derive(secret_, kOtherJobProof, introduction_, job_);
    return FrameWriter(kOtherJobProof).Text(job_).Raw(AsBytes(proof)).Take();
  }
  step_ = kDone;
  const Proof proof = Derive(secret_, kServerProof, introduction_);
  return FrameWriter(kServerProof).Raw(AsBytes(proof)).Take();
}

MacKeys ServerHandshake::keys() const { return DeriveKeys(secret_, introduction_); }

}  // namespace convoy::net
