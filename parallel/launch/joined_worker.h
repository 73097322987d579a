// Runs this process as one worker of a job that a launcher has started.
#pragma once

#include <functional>

#include "parallel/group/worker.h"
#include "parallel/launch/env/launcher_env.h"
#include "parallel/launch/options.h"

namespace convoy::launch {

/// Joins the other processes of the job and runs `train` as worker `env.rank`: on the GPU of its
/// local rank with NCCL to the others, or on the CPU with Gloo. Returns when all workers are done:
/// worker 0's process serves the others until then. The result is the signal that this worker
/// stopped early on, or 0.
///
/// Local rank 0 of each host warns of more worker threads there than cores.
///
/// Throws: Error with the first cause if any worker fails. Worker 0's has a report of what every
/// worker was doing; the others throw a ReportedError (core/base/exit_status.h) if worker 0 says
/// that it prints that.
int RunJoinedWorker(const LauncherEnv& env, const LaunchOptions& options,
                    const std::function<void(Worker&)>& train);

}  // namespace convoy::launch
