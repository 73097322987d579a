// Runs the workers of a run as threads of this process.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/device.h"
#include "parallel/worker.h"

namespace convoy {

/// How the threads reach each other.
struct ThreadTransport {
  /// A worker's end; called by its thread. May throw.
  std::function<std::shared_ptr<ProcessGroup>(int rank)> join;
  /// Makes all workers' calls throw an Error with this reason. The first call wins.
  std::function<void(const std::string& reason)> abort;
  /// What has made the run fail first, if the transport notices failures itself; may be null.
  std::function<std::string()> first_failure;
  /// LaunchOptions::dump
  std::string dump;
};

/// Runs `train` once per rank, each on a thread of its own (a single one on the calling thread)
/// and on device `type`:rank. Returns the signal that a worker stopped early on, or 0.
/// Throws: the first failure, as `[worker R of N] ...`.
int RunThreads(int workers, DeviceType type, const std::function<void(Worker&)>& train,
               const ThreadTransport& transport);

/// What a worker runs: joins, trains, leaves. Anything thrown goes to `report`, as a text; then
/// the history is dumped, unless `dump` is empty (history_dump.h). Returns Worker::stopped_by().
int RunWorker(int rank, Device device, const std::function<void(Worker&)>& train,
              const std::function<std::shared_ptr<ProcessGroup>(int rank)>& join,
              const std::function<void(const std::string& error)>& report, const std::string& dump);

}  // namespace convoy
