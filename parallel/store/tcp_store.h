// The store of a job, reached over TCP.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "parallel/net/channel.h"
#include "parallel/store/store.h"
#include "parallel/store/store_messages.h"

namespace convoy::store {

/// A connection to the StoreServer of the job. Every call ends: with its result, or with an Error
/// when the time is up or the server is gone. After the latter all further calls fail; a server
/// that was late may answer the next one.
class TcpStore final : public Store {
 public:
  /// Tries until the server is there. `timeout_s` is also what Set and Add may take.
  /// Throws: Error if it is not there in time, or not the server of this job.
  TcpStore(const net::ServerAddress& server, int rank, double timeout_s);
  /// Over a channel made for it; `where`: "10.0.0.1:29500".
  TcpStore(net::Channel channel, std::string where, double timeout_s);

  /// The address of this machine at which the others, which reach the same server, reach it.
  std::string local_host() const { return channel_.local_host(); }

  /// Keys of at most kMaxKeyBytes, values of at most kMaxValueBytes.
  void Set(std::string_view key, std::string_view value) override;
  std::string Get(std::string_view key, double timeout_s) override;
  int64_t Add(std::string_view key, int64_t amount) override;
  void Wait(const std::vector<std::string>& keys, double timeout_s) override;

 private:
  StoreReply Ask(const StoreRequest& request, double timeout_s);

  const std::string where_;
  const double timeout_s_;
  std::mutex mutex_;  // held from a question to its answer
  net::Channel channel_;
  bool broken_ = false;
  int owed_ = 0;  // answers that have not come yet
};

}  // namespace convoy::store
