// Whether a launcher (torchrun, mpirun, srun, tools/launch) has started this process as one of
// several, which one it is, and where they meet.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/base/env_reader.h"
#include "parallel/rendezvous/meeting_place.h"

namespace convoy::launch {

/// What a launcher's environment variables say of this process.
struct LauncherEnv {
  int rank = 0;
  int size = 1;                   ///< 2 to kMaxWorkers
  std::optional<int> local_rank;  ///< among the job's processes on this machine, if it is said
  std::optional<int> local_size;  ///< processes of the job on this machine, if it is said
  std::string launcher;           ///< "torchrun variables", "MPICH", "Open MPI", "MVAPICH2",
                                  ///< "Slurm" or "tools/launch"
  std::string rank_variable;      ///< "RANK", "OMPI_COMM_WORLD_RANK", ...
  std::string size_variable;      ///< "WORLD_SIZE", ...
  rendezvous::MeetingPlace place;
  std::string host;  ///< where the other hosts reach this machine, from CONVOY_HOST; empty: unsaid
  std::string variables;  ///< all that were read, "RANK=1 WORLD_SIZE=4", for messages
};

/// Something that the processes of a job have in common and those of others have not, from outside
/// the variables: `rank_variable` is set in all of them. Empty: unknown.
using FindStarter = std::function<std::string(const std::string& rank_variable)>;

/// Reads, in this order, the variables of torchrun and its like, of PMI (MPICH, Intel MPI), Open
/// MPI, MVAPICH2 and Slurm. Slurm's count only in a task of srun, and where no other launcher has
/// been started by that task. None: nobody started this process as one of several.
/// Throws: Error, with the way out, on variables that are incomplete, are no such numbers,
/// contradict each other, or do not say where to meet.
///
/// Of this process's own variables: if it is one of several, takes CONVOY_SECRET out of them, so
/// that programs that this one starts do not have it, and knows it from then on.
std::optional<LauncherEnv> ReadLauncherEnv();
std::optional<LauncherEnv> ReadLauncherEnv(const EnvMap& env, const FindStarter& find_starter);

/// The nearest ancestor of this process that has no `variable` in its environment, which is then
/// the launcher or its deputy on this machine: "PID-STARTTIME". Empty if it cannot be found.
std::string AncestorWithout(const std::string& variable);

}  // namespace convoy::launch
