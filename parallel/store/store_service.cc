// The keys and values of a job, and who waits for them.
#include "parallel/store/store_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <optional>
#include <utility>

namespace convoy::store {
namespace {

constexpr size_t kMaxBytes = size_t{256} << 20;      // of all keys and values
constexpr size_t kMaxParkedBytes = size_t{3} << 20;  // of the keys that one rank waits for
constexpr size_t kEntryBytes = 200;                  // of memory for a key, beside its text
constexpr size_t kMostNamed = 16;                    // keys in an error

// In decimal digits, as Add leaves it.
std::optional<int64_t> Counter(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

StoreReply Refused(std::string why) {
  return {.kind = StoreReply::Kind::kRefused, .text = std::move(why)};
}

}  // namespace

bool StoreService::Received(net::FrameConnection& peer, std::string_view body) {
  std::optional<StoreRequest> request = ParseStoreRequest(body);
  if (!request) return false;
  switch (request->kind) {
    case StoreRequest::Kind::kSet:
      Answer(peer, Put(request->keys.front(), std::move(request->value)));
      break;
    case StoreRequest::Kind::kAdd:
      Answer(peer, Add(*request));
      break;
    case StoreRequest::Kind::kGet:
    case StoreRequest::Kind::kWait:
      Park(peer, *std::move(request));
      break;
  }
  return true;
}

void StoreService::Answer(net::FrameConnection& peer, const StoreReply& reply) {
  peer.Send(Frame(reply));
}

StoreReply StoreService::Put(const std::string& key, std::string value) {
  const auto it = values_.find(key);
  const size_t before = it == values_.end() ? 0 : kEntryBytes + key.size() + it->second.size();
  const size_t after = kEntryBytes + key.size() + value.size();
  if (bytes_ - before + after > kMaxBytes) {
    return Refused(fmt::format("the store is full: it holds {} MiB", kMaxBytes >> 20));
  }
  bytes_ += after - before;
  if (it != values_.end()) {
    it->second = std::move(value);
    return {};
  }
  values_.emplace(key, std::move(value));
  const auto awaited = awaited_.extract(key);
  if (awaited.empty()) return {};
  for (const uint64_t ticket : awaited.mapped()) {
    Parked& parked = parked_.at(ticket);
    if (--parked.missing > 0) continue;
    Answer(*parked.peer, Found(parked.request));
    parked.peer->SetReading(true);
    Forget(ticket);
  }
  return {};
}

StoreReply StoreService::Add(const StoreRequest& request) {
  const std::string& key = request.keys.front();
  int64_t sum = 0;
  if (const auto it = values_.find(key); it != values_.end()) {
    const std::optional<int64_t> counter = Counter(it->second);
    if (!counter) return Refused(fmt::format("'{}' holds no counter", key));
    sum = *counter;
  }
  if (__builtin_add_overflow(sum, request.amount, &sum)) {
    return Refused(fmt::format("the counter '{}' overflows", key));
  }
  StoreReply reply = Put(key, std::to_string(sum));
  if (reply.kind != StoreReply::Kind::kDone) return reply;
  return {.kind = StoreReply::Kind::kSum, .sum = sum};
}

StoreReply StoreService::Found(const StoreRequest& request) const {
  if (request.kind == StoreRequest::Kind::kWait) return {};
  return {.kind = StoreReply::Kind::kValue, .text = values_.at(request.keys.front())};
}

void StoreService::Park(net::FrameConnection& peer, StoreRequest request) {
  std::vector<std::string>& keys = request.keys;
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  Parked parked{.peer = &peer};
  for (const std::string& key : keys) {
    if (!values_.contains(key)) ++parked.missing;
    parked.bytes += kEntryBytes + 2 * key.size();
  }
  if (parked.missing == 0) return Answer(peer, Found(request));
  size_t& bytes = parked_bytes_[peer.rank()];
  if (bytes + parked.bytes > kMaxParkedBytes) {
    return Answer(peer,
                  Refused(fmt::format("worker {} waits for too many keys at a time", peer.rank())));
  }
  bytes += parked.bytes;
  const uint64_t ticket = ++last_ticket_;
  for (const std::string& key : keys) {
    if (!values_.contains(key)) awaited_[key].push_back(ticket);
  }
  constexpr uint64_t kLongest = uint64_t{1000} * 60 * 60 * 24 * 365;
  parked.until = std::chrono::steady_clock::now() +
                 std::chrono::milliseconds(std::min(request.timeout_ms, kLongest));
  next_ = std::min(next_, parked.until);
  parked.request = std::move(request);
  parked_.emplace(ticket, std::move(parked));
  peer.SetReading(false);
}

void StoreService::Unpark(uint64_t ticket) {
  for (const std::string& key : parked_.at(ticket).request.keys) {
    const auto it = awaited_.find(key);
    if (it == awaited_.end()) continue;
    std::erase(it->second, ticket);
    if (it->second.empty()) awaited_.erase(it);
  }
  Forget(ticket);
}

void StoreService::Forget(uint64_t ticket) {
  const auto it = parked_.find(ticket);
  const auto bytes = parked_bytes_.find(it->second.peer->rank());
  bytes->second -= it->second.bytes;
  if (bytes->second == 0) parked_bytes_.erase(bytes);
  parked_.erase(it);
}

void StoreService::Tick(TimePoint now) {
  next_ = TimePoint::max();
  std::vector<uint64_t> late;
  for (const auto& [ticket, parked] : parked_) {
    if (now >= parked.until) {
      late.push_back(ticket);
    } else {
      next_ = std::min(next_, parked.until);
    }
  }
  for (const uint64_t ticket : late) {
    const Parked& parked = parked_.at(ticket);
    StoreReply reply{.kind = StoreReply::Kind::kMissing,
                     .missing = static_cast<uint32_t>(parked.missing)};
    for (const std::string& key : parked.request.keys) {
      if (values_.contains(key)) continue;
      if (reply.keys.size() == kMostNamed) break;
      reply.keys.push_back(key);
    }
    Answer(*parked.peer, reply);
    parked.peer->SetReading(true);
    Unpark(ticket);
  }
}

void StoreService::Closed(net::FrameConnection& peer, const std::string&) {
  const auto it = std::find_if(parked_.begin(), parked_.end(),
                               [&](const auto& entry) { return entry.second.peer == &peer; });
  if (it != parked_.end()) Unpark(it->first);
}

}  // namespace convoy::store
