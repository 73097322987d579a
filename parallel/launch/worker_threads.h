// Runs the workers of a run as threads of this process.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/device.h"
#include "parallel/group/worker.h"
#include "parallel/status/run_status.h"
#include "parallel/transport/transport.h"

namespace convoy::launch {

/// What the threads of a run have in common.
struct ThreadedRun {
  std::shared_ptr<status::RunStatus> status;
  transport::Transport::Join join;
  std::string dump;  ///< LaunchOptions::dump
};

/// Runs `train` once for each worker of the run, on a thread of its own (a single one on the
/// calling thread) and on device `type`:rank. Returns the signal that a worker stopped early on, or
/// 0. Throws: the first failure, as `[worker R of N] ...`.
int RunThreads(const ThreadedRun& run, DeviceType type, const std::function<void(Worker&)>& train);

/// What a worker runs: joins, trains, leaves. Anything thrown goes to `report`, as a text; then
/// the flight recorder is dumped, unless `dump` is empty (flight_dump.h). Returns
/// Worker::stopped_by().
int RunWorker(int rank, Device device, const std::function<void(Worker&)>& train,
              const transport::Transport::Join& join,
              const std::function<void(const std::string& error)>& report, const std::string& dump);

}  // namespace convoy::launch
