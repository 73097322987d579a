// Starts the workers of a run.
#pragma once

#include <functional>
#include <optional>

#include "parallel/group/worker.h"
#include "parallel/launch/options.h"

namespace convoy {

/// Runs `train` once per worker and returns when all have returned. If one throws, the others'
/// collectives throw too; the first cause is rethrown, its message starting with
/// `[worker R of N]`. Prints a warning, once on each host, if there are more worker threads than
/// cores on it (on GPUs only if `threads` is given).
///
/// Returns the exit status that `main` should return: 0, or 128 + N if the workers stopped early
/// because of signal N (Worker::StopEarly, launch/stop_signal.h), which tells the caller of the
/// program that its work is not done. A program that does not catch signals dies of them, as any
/// other.
///
/// Processes: this program is started again, once per worker and with the same command line. Each
/// of those comes to this call and runs `train` for its own rank, so what `train` leaves in memory
/// is not seen here. Before Launch, print only if StartedAsWorker() is empty; otherwise every
/// worker prints it. Worker 0 writes to this process's standard output, the others to none. SIGINT
/// and SIGTERM are passed on; 128 + N is also returned if such a signal has killed a worker. No
/// worker outlives this process. Once per program. When a worker fails, Launch throws the first
/// cause as an Error in this process, and as a ReportedError (core/base/exit_status.h) in the
/// workers' processes, which RunProgram (launch/program.h) does not print: a program of your own
/// that prints what Launch throws should leave it out as well.
///
/// Under a launcher that has started several processes (mpirun, srun, torchrun and its like,
/// tools/launch; launch/env/launcher_env.h) this process is one worker: it joins the others, on the
/// GPU of its local rank with NCCL, or on the CPU with Gloo, and only its own rank's `train` runs
/// here. When a worker fails, is killed or does not come within the deadline, worker 0 throws the
/// first cause with a line for every worker; the others throw it as a ReportedError if worker 0
/// says in time that it reports, and as an Error if not.
///
/// Throws: also UsageError on options that make no sense, and Error on options that this machine
/// cannot fulfil (parallel/launch/placement.h) or on a launcher's variables that contradict each
/// other.
int Launch(const LaunchOptions& options, const std::function<void(Worker&)>& train);

/// For a whole `main`: reads the flags of launch/options.h from argv (--help explains them), runs,
/// prints an error on stderr. Returns the exit status, as RunProgram does (launch/program.h).
int Launch(int argc, char** argv, const std::function<void(Worker&)>& train);

/// The rank of the worker that this process was started as, by Launch in another process or by a
/// launcher; none in a program that its user has started. Throws: Error as Launch does.
std::optional<int> StartedAsWorker();

}  // namespace convoy
