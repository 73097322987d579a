// Runs the workers of a run as processes: this program, started again once per worker.
#pragma once

#include <functional>
#include <optional>

#include "parallel/group/worker.h"
#include "parallel/launch/options.h"
#include "parallel/launch/placement.h"

namespace convoy::launch {

/// The rank of the worker that this process is, if RunProcesses of another process has started it;
/// else none.
std::optional<int> OwnWorker();

/// Starts `workers` processes and returns when all have ended well. SIGINT and SIGTERM are passed
/// on to them meanwhile. When one fails, the others are told, and killed if that does not help.
/// Returns the signal that a worker stopped early on, or that was passed on and has killed one; or
/// 0. Throws: Error with the first cause, `[worker R of N] ...`, and what the others said of it; or
/// if this program did so before (its workers would come to the first Launch, not to this one).
int RunProcesses(int workers);

/// Runs `train` as the worker that OwnWorker names, and returns the signal that it stopped early
/// on, or 0: the starting process learns that from this one's exit status.
/// Throws: ReportedError (core/base/exit_status.h) if a worker fails, with the first cause, which
/// the starting process throws from its Launch. Error if this process cannot be that worker, or if
/// it is called a second time.
int RunAsWorker(const Placement& place, const LaunchOptions& options,
                const std::function<void(Worker&)>& train);

}  // namespace convoy::launch
