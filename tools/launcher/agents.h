// The launcher's connections to the agents of all hosts.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "tools/launcher/connection.h"
#include "tools/launcher/job.h"
#include "tools/launcher/messages.h"
#include "tools/launcher/output_queue.h"

namespace convoy::launcher {

class Agents {
 public:
  /// Starts an agent for each of `shares`. `options` and `output` live longer.
  /// Throws: Error if one cannot be started.
  Agents(const std::vector<HostShare>& shares, const JobOptions& options, OutputQueue& output);

  size_t size() const { return connections_.size(); }
  Connection& operator[](size_t host) { return *connections_[host]; }

  /// Whether all have said hello.
  bool AllReady() const;
  /// Throws: Error that names one that has not, and says how long it was waited for.
  void CheckReady(const char* waited) const;
  /// Whether all connections have ended.
  bool AllEnded() const;

  void SendAll(const Message& message);
  /// Tells those on other hosts, often enough, that the launcher is still there.
  void Ping();
  void Close();
  void Kill();

  struct Handlers {
    /// Whether what agents and workers say has a place to go; else it stays where it is.
    std::function<bool()> has_room;
    std::function<void(Connection&, const Message&)> hear;
    /// The connection has ended.
    std::function<void(Connection&)> lost;
  };
  /// Waits for what the agents say, some milliseconds at most, and passes it to the handlers. Sends
  /// what was not sent yet.
  void Poll(int milliseconds, const Handlers& handlers);

 private:
  const JobOptions& options_;
  std::vector<std::unique_ptr<Connection>> connections_;
  size_t first_ = 0;  // the connection that is read first
  std::chrono::steady_clock::time_point pinged_;
};

}  // namespace convoy::launcher
