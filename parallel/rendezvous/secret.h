// The secret of a job, and how two processes prove to each other that they know it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace convoy {

/// 256 random bits as 64 hexadecimal digits. Throws: Error if the system has no randomness.
std::string DrawSecret();

/// What a connection is for. Bound into the proof, so that none serves for another purpose.
enum class Purpose : uint8_t {
  kStore = 1,  ///< a TcpStore
  kBoard = 2,  ///< a BoardLink
};

using Nonce = std::array<unsigned char, 32>;
using Proof = std::array<unsigned char, 32>;

// Four frames of fixed size, each under 256 bytes. The client proves itself first: who does not
// know the secret is told nothing but a random number.
//
//   client: hello (purpose, rank, nonce)     server: challenge (nonce)
//   client: its proof                        server: its proof
//
// A proof is the HMAC-SHA256 under the secret of side, purpose, rank and both nonces. It says who
// is there; what follows is neither hidden nor sealed against someone who sits on the wire.

/// The client's side. Every step takes the body of a frame and gives a whole frame.
class ClientHandshake {
 public:
  ClientHandshake(std::string_view secret, Purpose purpose, int rank);

  std::string Hello() const;
  /// The proof; none if `challenge` is not one.
  std::optional<std::string> Answer(std::string_view challenge);
  /// Whether the server knows the secret too.
  bool Accepts(std::string_view welcome) const;

 private:
  const std::string secret_;
  const Purpose purpose_;
  const int rank_;
  Nonce mine_, theirs_{};
};

/// The server's side of one connection.
class ServerHandshake {
 public:
  explicit ServerHandshake(std::string_view secret);

  /// What to send for the frame that has come; none: the peer is to be sent away.
  std::optional<std::string> Take(std::string_view body);

  /// The peer has proved itself, and purpose and rank are as it says.
  bool done() const { return step_ == 2; }
  Purpose purpose() const { return purpose_; }
  int rank() const { return rank_; }

 private:
  std::string_view secret_;
  int step_ = 0;  // frames taken
  Purpose purpose_ = Purpose::kStore;
  int rank_ = 0;
  Nonce mine_, theirs_{};
};

}  // namespace convoy
