// A store for the threads of one process.
#include "parallel/store/memory_store.h"

#include <charconv>
#include <chrono>

#include "core/base/error.h"

namespace convoy::store {

void MemoryStore::Set(std::string_view key, std::string_view value) {
  const std::lock_guard lock(mutex_);
  values_[std::string(key)] = value;
  changed_.notify_all();
}

std::string MemoryStore::Get(std::string_view key, double timeout_s) {
  std::unique_lock lock(mutex_);
  const bool there = changed_.wait_for(lock, std::chrono::duration<double>(timeout_s),
                                       [&] { return values_.contains(key); });
  CONVOY_CHECK(there, "[Store] nobody has set '{}' within {:.1f} s", key, timeout_s);
  return values_.find(key)->second;
}

int64_t MemoryStore::Add(std::string_view key, int64_t amount) {
  const std::lock_guard lock(mutex_);
  std::string& value = values_[std::string(key)];
  int64_t sum = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), sum);
  CONVOY_CHECK(value.empty() || (error == std::errc() && end == value.data() + value.size()),
               "[Store] '{}' is no counter: its value is '{}'", key, value);
  sum += amount;
  value = std::to_string(sum);
  changed_.notify_all();
  return sum;
}

void MemoryStore::Wait(const std::vector<std::string>& keys, double timeout_s) {
  for (const std::string& key : keys) Get(key, timeout_s);
}

}  // namespace convoy::store
