// The secret of a job, and how two processes prove to each other that they know it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "parallel/net/hmac.h"

namespace convoy::net {

/// 256 random bits as 64 hexadecimal digits. Throws: Error if the system has no randomness.
std::string DrawSecret();

/// Whether a secret that people have given may be guessed by trying: fewer than 32 characters, or
/// fewer than 8 different ones. An attacker who records a handshake can guess offline.
bool IsWeakSecret(std::string_view secret);

/// What a connection is for. Bound into the proof, so that none serves for another purpose.
enum class Purpose : uint8_t {
  kStore = 1,   ///< a TcpStore
  kStatus = 2,  ///< a StatusClient
  kMesh = 3,    ///< one of Gloo's connections
};

/// The longest name of a job.
inline constexpr size_t kMaxJobBytes = 128;

using Nonce = std::array<unsigned char, 32>;
using Proof = Digest;

/// The keys of the MACs of a connection's frames (frame_mac.h), one for each direction.
struct MacKeys {
  Digest from_client{}, from_server{};
};

/// What both sides bind into what they prove.
struct Introduction {
  Purpose purpose = Purpose::kStore;
  int rank = 0;     ///< the client's
  std::string job;  ///< the client's: its name, perhaps empty
  Nonce client{}, server{};
};

// Four frames, each under 256 bytes. The client proves itself first: a peer that does not know the
// secret is told nothing but a random number.
//
//   client: hello (purpose, rank, nonce, job)
//   server: challenge (nonce)
//   client: its proof
//   server: its proof; or the name of its own job, if that is another one, with a proof of that
//
// A proof is the HMAC-SHA256 under the secret of side, purpose, rank, both nonces and job. The keys
// that authenticate all later frames come from the same values, so nobody can change, repeat or
// leave out a frame unnoticed. Nothing is encrypted.

/// The client's side. Every step takes the body of a frame and gives a whole frame.
class ClientHandshake {
 public:
  /// Two jobs that share a secret are told apart by `job`, of at most kMaxJobBytes.
  ClientHandshake(std::string_view secret, Purpose purpose, int rank, std::string_view job = {});

  std::string Hello() const;
  /// The proof; none if `challenge` is not one.
  std::optional<std::string> Answer(std::string_view challenge);
  /// Whether the server knows the secret too, and is of the same job.
  bool Accepts(std::string_view welcome) const;
  /// The job of a server that knows the secret, but is of another one.
  std::optional<std::string> OtherJob(std::string_view welcome) const;
  /// Once the server is accepted.
  MacKeys keys() const;

 private:
  const std::string secret_;
  Introduction introduction_;
};

/// The server's side of one connection.
class ServerHandshake {
 public:
  explicit ServerHandshake(std::string_view secret, std::string_view job = {});

  /// What to send for the frame that has come; none: the peer is to be sent away.
  std::optional<std::string> Take(std::string_view body);

  /// The peer has proved itself, and purpose and rank are as it says.
  bool done() const { return step_ == kDone; }
  /// The peer knows the secret, but is of another job: once it has been told, it is to go.
  bool of_other_job() const { return step_ == kOtherJob; }
  Purpose purpose() const { return introduction_.purpose; }
  int rank() const { return introduction_.rank; }
  /// Once it is done.
  MacKeys keys() const;

 private:
  enum Step { kNew, kChallenged, kDone, kOtherJob };

  std::string_view secret_, job_;
  Step step_ = kNew;
  Introduction introduction_;
};

}  // namespace convoy::net
