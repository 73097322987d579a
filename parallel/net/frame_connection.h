// One connection of a server of frames: what has come of a frame, and what waits to be sent.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "parallel/net/frame.h"
#include "parallel/net/frame_mac.h"
#include "parallel/net/secret.h"
#include "parallel/net/socket.h"

namespace convoy::net {

class FrameServer;
class FrameService;

/// A connection, as a service of the server sees it. To be used on the server's thread.
class FrameConnection {
 public:
  uint64_t id() const { return id_; }  ///< never used twice
  int rank() const { return rank_; }   ///< as it says; it knows the secret
  /// Queues a whole frame.
  void Send(std::string_view frame);
  /// Whether frames are taken from it, or left where they are. Starts with true.
  void SetReading(bool reading);
  /// Closes once everything queued was sent.
  void CloseWhenSent();

  /// The address of this machine at which the peer has reached it.
  std::string local_host() const { return HostOf(fd_); }
  /// The socket, for another use; the server forgets it. In FrameService::Received only, when all
  /// that was queued is sent.
  Descriptor Release();

 private:
  friend class FrameServer;
  using TimePoint = std::chrono::steady_clock::time_point;

  FrameConnection(FrameServer* server, uint64_t id, Descriptor fd, ServerHandshake handshake,
                  TimePoint since);

  // The rest is the server's.
  struct Received {
    enum class What : uint8_t {
      kNothing,  // not a whole frame yet
      kFrame,    // with `body`, valid until NextFrame
      kEnd,      // the connection is of no use any more: `why`
      kForged,   // likewise, since the frame is not the next one that the peer has sent
    } what;
    std::string_view body = {};
    std::string why = {};
  };
  // Reads without waiting.
  Received Receive();
  // Makes room for the frame behind the one that was received.
  void NextFrame();
  // Sends what is queued, as far as it goes without waiting. Returns why the connection is to be
  // closed; empty: it stays.
  std::string Flush();
  // The events that epoll is to tell of.
  uint32_t WantedEvents() const;

  FrameServer* const server_;
  const uint64_t id_;
  Descriptor fd_;
  const TimePoint since_;
  ServerHandshake handshake_;
  FrameService* service_ = nullptr;  // none before it has proved itself
  int rank_ = -1;
  std::optional<FrameMac> mac_out_, mac_in_;
  FrameAssembler in_{kMaxUnauthenticatedFrameBytes};
  std::string out_;
  bool reading_ = true;
  bool closing_ = false;        // when out_ is empty
  bool touched_ = false;        // queued to be looked at
  bool closing_later_ = false;  // queued to be removed
  uint32_t interest_ = 0;       // epoll's events
};

}  // namespace convoy::net
