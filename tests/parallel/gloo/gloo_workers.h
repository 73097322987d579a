// Runs a function on N workers with Gloo between them: threads, which connect as processes do.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/error.h"
#include "parallel/gloo/gloo_group.h"
#include "parallel/worker_threads.h"

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

/// Throws: the run's first failure.
inline void RunGlooWorkers(int workers, const std::function<void(Worker&)>& body,
                           double timeout_s = 60, const std::string& dump = {}) {
  const std::shared_ptr<Board> board = Board::Make(workers);
  MemoryStore store;
  const auto join = [&](int rank) -> std::shared_ptr<ProcessGroup> {
    const Seat seat = {
        .board = board, .rank = rank, .device = Device::Cpu(rank), .timeout_s = timeout_s};
    return std::make_shared<GlooGroup>(seat, store, "127.0.0.1");
  };
  RunThreads(workers, DeviceType::kCpu, body,
             {.join = join,
              .abort = [&](const std::string& reason) { board->Fail(reason); },
              .first_failure = [&] { return board->failure(); },
              .dump = dump});
}

/// The message with which `body` fails on `workers` workers; empty if it does not.
inline std::string GlooErrorOf(int workers, const std::function<void(Worker&)>& body,
                               double timeout_s = 60, const std::string& dump = {}) {
  try {
    RunGlooWorkers(workers, body, timeout_s, dump);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace convoy
