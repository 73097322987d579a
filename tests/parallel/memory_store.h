// A store for threads of one process.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "parallel/rendezvous/store.h"

namespace convoy {

/// A store for threads.
class MemoryStore final : public Store {
 public:
  void Set(std::string_view key, std::string_view value) override {
    const std::lock_guard lock(mutex_);
    values_[std::string(key)] = value;
    changed_.notify_all();
  }
  std::string Get(std::string_view key, double timeout_s) override {
    std::unique_lock lock(mutex_);
    const std::string name(key);
    CONVOY_CHECK(changed_.wait_for(lock, std::chrono::duration<double>(timeout_s),
                                   [&] { return values_.count(name) > 0; }),
                 "[Store] nobody has set '{}'", key);
    return values_[name];
  }
  int64_t Add(std::string_view key, int64_t amount) override {
    const std::lock_guard lock(mutex_);
    std::string& value = values_[std::string(key)];
    const int64_t sum = (value.empty() ? 0 : std::stoll(value)) + amount;
    value = std::to_string(sum);
    changed_.notify_all();
    return sum;
  }
  void Wait(const std::vector<std::string>& keys, double timeout_s) override {
    for (const std::string& key : keys) Get(key, timeout_s);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::string> values_;
};

}  // namespace convoy
