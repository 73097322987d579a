// How many cores this process may compute on.
#pragma once

#include <string>
#include <vector>

namespace convoy {

/// The number of cores that this process may compute on, at least 1: its AllowedCores(), but no
/// more than its CoreQuota(). Reads files, which takes some microseconds for each hardware thread:
/// do not call it in a step.
int AvailableCores();

/// The cores of this process's affinity mask, each once however many hardware threads it has, by
/// the number that Linux gives the first of these. At least one.
std::vector<int> AllowedCores();

/// Whole cores that the control groups of this process (cgroup v1 or v2) let it use at a time,
/// rounded down but at least 1: how containers are limited. The largest int if there is no limit.
int CoreQuota();

/// AllowedCores for the affinity mask `hardware_threads`, and CoreQuota, with /proc and /sys read
/// below the folder `root`.
std::vector<int> CoresOf(const std::vector<int>& hardware_threads, const std::string& root);
int CoreQuotaIn(const std::string& root);

}  // namespace convoy
