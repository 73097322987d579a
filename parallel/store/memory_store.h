// A store for the threads of one process.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "parallel/store/store.h"

namespace convoy::store {

class MemoryStore final : public Store {
 public:
  void Set(std::string_view key, std::string_view value) override;
  std::string Get(std::string_view key, double timeout_s) override;
  int64_t Add(std::string_view key, int64_t amount) override;
  void Wait(const std::vector<std::string>& keys, double timeout_s) override;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace convoy::store
