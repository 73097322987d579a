// Whether a launcher (torchrun, mpirun, srun) has started this process as one of several.
#pragma once

#include <optional>
#include <string>

namespace convoy {

/// What a launcher's environment variables say.
struct LauncherEnv {
  int rank = 0;
  int size = 1;
  std::string size_variable;  ///< "WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", ...
};

/// Reads, in this order, the variables of torchrun and its like, PMI (MPICH, Intel MPI), Open MPI,
/// MVAPICH2 and Slurm (but not those of an interactive Slurm shell). A pair that is incomplete or
/// not numeric is passed over. None: nobody started this process as one of several.
std::optional<LauncherEnv> ReadLauncherEnv();

}  // namespace convoy
