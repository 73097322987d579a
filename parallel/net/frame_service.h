// What a server of frames does for the connections of one purpose.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace convoy::net {

class FrameConnection;

/// All calls come on the server's thread.
class FrameService {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  virtual ~FrameService() = default;

  virtual void Opened(FrameConnection&) {}
  /// False if this breaks the protocol: the connection is closed.
  virtual bool Received(FrameConnection& peer, std::string_view body) = 0;
  /// `why`: "its connection was closed". The peer may not be used afterwards.
  virtual void Closed(FrameConnection&, const std::string& /*why*/) {}

  /// When Tick is wanted next.
  virtual TimePoint NextTick() const { return TimePoint::max(); }
  virtual void Tick(TimePoint /*now*/) {}
  /// Whether the server may end: asked after its destructor was called.
  virtual bool MayEnd() const { return true; }

  /// The server ends, before its time: `why`. What is sent to peers now may still reach them.
  virtual void OnServerFailure(const std::string& /*why*/) {}
};

}  // namespace convoy::net
