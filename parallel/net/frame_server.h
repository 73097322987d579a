// A server of frames: one thread for all connections, each authenticated before it is heard.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "parallel/net/epoll.h"
#include "parallel/net/frame_connection.h"
#include "parallel/net/frame_service.h"
#include "parallel/net/secret.h"
#include "parallel/net/socket.h"

namespace convoy::net {

struct FrameServerOptions {
  std::string host = "127.0.0.1";  ///< "": every address of this machine
  int port = 0;                    ///< 0: a free one
  std::string secret;
  std::string job;                ///< peers of another one are told so, and turned away
  double handshake_s = 5;         ///< how long a peer may take to prove that it knows the secret
  int max_unauthenticated = 256;  ///< connections that have not yet; more have to wait
  double linger_s = 3;            ///< how long the end may be put off by FrameService::MayEnd
  int ranks = 1 << 16;            ///< how many the job has; all higher ranks count as one
  int max_per_rank = 2;           ///< connections for one purpose; further ones are closed
  /// Called on the server's thread when a frame from that rank is not the next one that it has
  /// sent, or not as it was sent. The connection is closed in any case.
  std::function<void(int rank)> forged;
};

class FrameServer {
 public:
  /// The services live longer than the server. Throws: Error if it cannot listen there.
  FrameServer(const FrameServerOptions& options, std::map<Purpose, FrameService*> services);
  ~FrameServer();

  int port() const { return port_; }
  /// The address under which this machine reaches it.
  std::string host() const { return host_; }
  /// How many have connected that were not of this job.
  int turned_away() const { return turned_away_; }

 private:
  friend class FrameConnection;
  using Clock = std::chrono::steady_clock;
  using TimePoint = Clock::time_point;

  void Run() noexcept;
  void Serve();
  void Break(const std::string& why) noexcept;
  bool MayEnd(TimePoint now) const;
  int MillisecondsToWait(TimePoint now) const;
  void Tick(TimePoint now);
  void Accept(TimePoint now);
  void Listen(bool listen);
  FrameConnection* OldestUnauthenticated();
  void Read(FrameConnection& peer);
  bool Dispatch(FrameConnection& peer, std::string_view body);
  bool HasTooMany(const FrameConnection& peer) const;
  void Touch(FrameConnection& peer);
  void Flush(FrameConnection& peer);
  void CloseLater(FrameConnection& peer, const std::string& why);
  void Settle();

  const FrameServerOptions options_;
  const std::map<Purpose, FrameService*> services_;
  Descriptor listening_, wake_;
  Epoll epoll_;
  const int port_;
  const std::string host_;

  std::unordered_map<uint64_t, std::unique_ptr<FrameConnection>> peers_;
  uint64_t last_id_ = 1;  // 0 and 1 are the listening socket and the wake-up
  int unauthenticated_ = 0;
  std::atomic<int> turned_away_{0};
  bool listens_ = false;
  TimePoint next_look_ = TimePoint::max();  // at strangers that are slow
  std::vector<uint64_t> touched_;
  std::vector<std::pair<uint64_t, std::string>> closing_later_;
  std::optional<TimePoint> end_by_;  // set when it is to end

  std::thread thread_;
};

}  // namespace convoy::net
