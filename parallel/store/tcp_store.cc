// The store of a job, reached over TCP.
#include "parallel/store/tcp_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/base/error.h"

namespace convoy::store {
namespace {

// What an answer may take on its way: the server keeps the deadline, this end only sees to it that
// it does not wait for a server that is gone.
constexpr double kSlackS = 2;

constexpr double kLongestS = 1e9;

std::string Names(const StoreReply& reply) {
  std::string text;
  for (const std::string& key : reply.keys) {
    text += fmt::format("{}'{}'", text.empty() ? "" : ", ", key);
  }
  const size_t more = reply.missing - std::min<size_t>(reply.missing, reply.keys.size());
  return more == 0 ? text : fmt::format("{} and {} more", text, more);
}

void CheckKey(std::string_view key) {
  CONVOY_CHECK(key.size() <= kMaxKeyBytes, "[Store] expected a key of at most {} bytes, got {}",
               kMaxKeyBytes, key.size());
}

StoreRequest WaitRequest(StoreRequest::Kind kind, std::vector<std::string> keys,
                         double& timeout_s) {
  // Also where it is not a number.
  timeout_s = timeout_s > 0 ? std::min(timeout_s, kLongestS) : 0;
  return {.kind = kind,
          .keys = std::move(keys),
          .timeout_ms = static_cast<uint64_t>(std::ceil(timeout_s * 1e3))};
}

}  // namespace

TcpStore::TcpStore(const net::ServerAddress& server, int rank, double timeout_s)
    : TcpStore(net::Channel::Connect(server, net::Purpose::kStore, rank, Deadline(timeout_s)),
               net::AddressText(server.host, server.port), timeout_s) {}

TcpStore::TcpStore(net::Channel channel, std::string where, double timeout_s)
    : where_(std::move(where)), timeout_s_(timeout_s), channel_(std::move(channel)) {}

void TcpStore::Set(std::string_view key, std::string_view value) {
  CheckKey(key);
  CONVOY_CHECK(value.size() <= kMaxValueBytes,
               "[Store] expected a value of at most {} bytes for '{}', got {}", kMaxValueBytes, key,
               value.size());
  Ask({.kind = StoreRequest::Kind::kSet, .keys = {std::string(key)}, .value = std::string(value)},
      timeout_s_);
}

std::string TcpStore::Get(std::string_view key, double timeout_s) {
  CheckKey(key);
  const StoreRequest request = WaitRequest(StoreRequest::Kind::kGet, {std::string(key)}, timeout_s);
  return Ask(request, timeout_s + kSlackS).text;
}

int64_t TcpStore::Add(std::string_view key, int64_t amount) {
  CheckKey(key);
  return Ask({.kind = StoreRequest::Kind::kAdd, .keys = {std::string(key)}, .amount = amount},
             timeout_s_)
      .sum;
}

void TcpStore::Wait(const std::vector<std::string>& keys, double timeout_s) {
  for (const std::string& key : keys) CheckKey(key);
  CONVOY_CHECK(keys.size() <= kMaxKeys, "[Store] can wait for {} keys at once, got {}", kMaxKeys,
               keys.size());
  const StoreRequest request = WaitRequest(StoreRequest::Kind::kWait, keys, timeout_s);
  Ask(request, timeout_s + kSlackS);
}

StoreReply TcpStore::Ask(const StoreRequest& request, double timeout_s) {
  const std::lock_guard lock(mutex_);
  CONVOY_CHECK(!broken_, "[Store] the connection to worker 0 at {} is lost", where_);
  const std::string frame = Frame(request);
  CONVOY_CHECK(frame.size() <= net::kMaxFrameBytes, "[Store] can wait for {} bytes of keys at once",
               net::kMaxFrameBytes);
  broken_ = true;  // until the end of it is known
  const Deadline deadline(timeout_s);
  net::Channel::Received received = net::Channel::Received::kGone;
  if (channel_.Send(frame, deadline)) {
    // Answers come in the order of the requests: first those that came too late for theirs.
    for (++owed_; owed_ > 0; --owed_) {
      received = channel_.Receive(deadline);
      if (received != net::Channel::Received::kFrame) break;
    }
  }
  broken_ =
      received != net::Channel::Received::kNothing && received != net::Channel::Received::kFrame;
  CONVOY_CHECK(received != net::Channel::Received::kNothing,
               "[Store] worker 0 at {} has not answered within {:.1f} s; is its process stopped?",
               where_, deadline.elapsed_s());
  CONVOY_CHECK(received != net::Channel::Received::kForged,
               "[Store] a frame from worker 0 at {} was changed, repeated or left out on its way: "
               "something between this process and worker 0 alters what they send",
               where_);
  CONVOY_CHECK(received == net::Channel::Received::kFrame,
               "[Store] worker 0 at {} has closed the connection: it has ended, or failed", where_);
  std::optional<StoreReply> reply = ParseStoreReply(channel_.body());
  broken_ = !reply;
  CONVOY_CHECK(reply, "[Store] worker 0 at {} sent an answer that makes no sense", where_);
  CONVOY_CHECK(reply->kind != StoreReply::Kind::kMissing, "[Store] nobody has set {} within {:g} s",
               Names(*reply), static_cast<double>(request.timeout_ms) / 1e3);
  CONVOY_CHECK(reply->kind != StoreReply::Kind::kRefused, "[Store] {}", reply->text);
  return *std::move(reply);
}

}  // namespace convoy::store
