// A process's connection to the server of its job, authenticated: frames out, frames in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/deadline.h"
#include "parallel/net/frame.h"
#include "parallel/net/frame_mac.h"
#include "parallel/net/secret.h"
#include "parallel/net/socket.h"

namespace convoy::net {

struct ServerAddress {
  std::string host = "127.0.0.1";
  int port = 0;
  std::string secret;
  std::string job;  ///< its name: what tells it apart from others that share the secret
};

/// Safe to use from one thread at a time.
class Channel {
 public:
  /// One try. None: `why` it failed, as part of a sentence, and whether it may go better later.
  struct Failure {
    std::string why;
    bool final = false;    ///< the server does not know the secret of this job
    bool refused = false;  ///< it has closed the connection when it had this process's proof
  };
  static std::optional<Channel> Try(const ServerAddress& server, Purpose purpose, int rank,
                                    const Deadline& deadline, Failure& failure);
  /// Tries until the deadline, or until it is hopeless. Throws: Error saying why.
  static Channel Connect(const ServerAddress& server, Purpose purpose, int rank,
                         const Deadline& deadline);

  int fd() const { return fd_.get(); }
  /// The address of this machine that the connection goes out from.
  std::string local_host() const { return HostOf(fd_); }

  /// False if the connection is gone, or takes nothing until the deadline; it is of no use then.
  bool Send(std::string_view frame, const Deadline& deadline);

  enum class Received { kFrame, kNothing, kGone, kForged };
  /// A whole frame, whose body is in body() until the next call; nothing, if none has come until
  /// the deadline; gone: closed, or not a frame; or forged: not the next one that the server has
  /// sent, or not as it was sent. After the last two the connection is of no use.
  Received Receive(const Deadline& deadline);
  std::string_view body() const { return in_.body().substr(0, body_bytes_); }

  /// Says that nothing more is sent, and waits until the server has read it all and closed.
  void Finish(const Deadline& deadline);
  /// The socket, for another use: what the server sends from now on is not looked at here.
  Descriptor Release() { return std::move(fd_); }

 private:
  explicit Channel(Descriptor fd) : fd_(std::move(fd)) {}

  // Empty if all went well.
  Failure Introduce(const ServerAddress& server, Purpose purpose, int rank,
                    const Deadline& deadline);

  bool SendRaw(std::string_view bytes, const Deadline& deadline);

  Descriptor fd_;
  FrameAssembler in_{kMaxUnauthenticatedFrameBytes};
  size_t limit_ = kMaxUnauthenticatedFrameBytes;
  std::optional<FrameMac> mac_out_, mac_in_;  // once both ends have proved themselves
  size_t body_bytes_ = 0;                     // of the frame that was given out, without its MAC
  bool whole_ = false;                        // in_ holds a frame that was given out
};

}  // namespace convoy::net
