// How many cores this process may compute on.
#pragma once

#include <string>
#include <vector>

namespace convoy {

/// The number of cores that this process may compute on, at least 1: those of its affinity mask,
/// each counted once however many hardware threads it has, but no more than the CPU quota of its
/// control group (cgroup v1 or v2; rounded down), which is how containers are limited. Reads files,
/// which takes some 50 microseconds: do not call it in a step.
int AvailableCores();

/// AvailableCores for a process that may run on `hardware_threads` (Linux's CPU numbers), with
/// /proc and /sys read below the folder `root`.
int CountCores(const std::vector<int>& hardware_threads, const std::string& root);

}  // namespace convoy
