// What a TcpStore asks its server, and what it is answered, as frames.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::store {

inline constexpr size_t kMaxKeyBytes = 1024;
inline constexpr size_t kMaxValueBytes = (size_t{1} << 20) - 2 * kMaxKeyBytes;
inline constexpr size_t kMaxKeys = 4096;  ///< of one Wait

struct StoreRequest {
  enum class Kind : uint8_t { kSet = 1, kAdd = 2, kGet = 3, kWait = 4 };
  Kind kind = Kind::kSet;
  std::vector<std::string> keys;  ///< one, except for kWait
  std::string value;              ///< kSet
  int64_t amount = 0;             ///< kAdd
  uint64_t timeout_ms = 0;        ///< kGet, kWait
};

struct StoreReply {
  enum class Kind : uint8_t {
    kDone = 1,     ///< kSet, kWait
    kValue = 2,    ///< kGet
    kSum = 3,      ///< kAdd
    kMissing = 4,  ///< kGet, kWait: these keys were not set in time
    kRefused = 5,  ///< `text` says why
  };
  Kind kind = Kind::kDone;
  std::string text;  ///< the value; the reason
  int64_t sum = 0;
  std::vector<std::string> keys;  ///< the first of those that are missing
  uint32_t missing = 0;           ///< how many are
};

std::string Frame(const StoreRequest& request);
std::string Frame(const StoreReply& reply);

/// None if `body` is not exactly one, within the limits above. Never throws on bad input.
std::optional<StoreRequest> ParseStoreRequest(std::string_view body);
std::optional<StoreReply> ParseStoreReply(std::string_view body);

}  // namespace convoy::store
