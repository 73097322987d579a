// The keys and values of a job, and who waits for them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parallel/net/frame_server.h"
#include "parallel/store/store_messages.h"

namespace convoy::store {

/// Answers TcpStores. One that waits for keys is answered when they are there, or late.
class StoreService final : public net::FrameService {
 public:
  bool Received(net::FrameConnection& peer, std::string_view body) override;
  void Closed(net::FrameConnection& peer, const std::string& why) override;
  TimePoint NextTick() const override { return next_; }
  void Tick(TimePoint now) override;

 private:
  // A request that waits; the peer's next one is not read before.
  struct Parked {
    net::FrameConnection* peer = nullptr;
    StoreRequest request;
    size_t missing = 0;  // keys
    size_t bytes = 0;    // of memory that the keys take, about
    TimePoint until;
  };

  void Answer(net::FrameConnection& peer, const StoreReply& reply);
  StoreReply Add(const StoreRequest& request);
  StoreReply Put(const std::string& key, std::string value);
  StoreReply Found(const StoreRequest& request) const;
  void Park(net::FrameConnection& peer, StoreRequest request);
  void Unpark(uint64_t ticket);
  // Also takes the ticket's bytes from its rank's.
  void Forget(uint64_t ticket);

  std::unordered_map<std::string, std::string> values_;
  size_t bytes_ = 0;
  std::unordered_map<uint64_t, Parked> parked_;                     // by ticket
  std::unordered_map<int, size_t> parked_bytes_;                    // by rank
  std::unordered_map<std::string, std::vector<uint64_t>> awaited_;  // key -> tickets
  uint64_t last_ticket_ = 0;
  TimePoint next_ = TimePoint::max();
};

}  // namespace convoy::store
