// What the kernel tells of running processes.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace convoy::launch {

struct ProcStat {
  pid_t parent = 0;              ///< 0: there is no such process
  unsigned long long start = 0;  ///< clock ticks since boot: two lives of one id differ
};

ProcStat ReadProcStat(pid_t pid);

/// /proc/PID/`name`; empty if this process may not read it.
std::string ReadProc(pid_t pid, const std::string& name);

/// The children of this process, their children and so on, including those that have ended and were
/// not waited for.
std::vector<pid_t> Descendants();

/// From now on, what this process's descendants leave behind becomes a child of it.
void AdoptOrphans();

/// Kills all descendants and waits until there are none, for five seconds at most. Without
/// AdoptOrphans(), those whose parents have ended escape.
void KillDescendants();

}  // namespace convoy::launch
