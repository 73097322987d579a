// What Slurm's variables say beyond rank and size.
#pragma once

#include <string>
#include <string_view>

#include "core/base/env_reader.h"

namespace convoy::launch {

/// Whether srun has started this process as a task. The variables alone do not say so: a batch
/// script and an interactive shell carry those of their allocation, as if they were task 0 of it.
/// Throws: Error if SLURM_STEP_ID is not a number.
bool IsSlurmTask(EnvReader& env);

/// The first host of a list such as `node[007-009,12],login1` ("node007").
/// Throws: Error naming `variable` if the list cannot be read.
std::string FirstSlurmHost(std::string_view list, std::string_view variable);

/// The tasks on one node by a list such as `4(x2),3`: 4, 4, 3. `node` counts from 0.
/// Throws: Error naming `variable` if the list cannot be read, or ends before `node`.
int SlurmTasksOnNode(std::string_view list, int node, std::string_view variable);

/// The port on which the processes of a job meet: 15000 + the last four digits of its number.
/// Throws: Error if `job_id` is not a number.
int SlurmPort(std::string_view job_id);

}  // namespace convoy::launch
