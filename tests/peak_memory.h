// How much memory a piece of work takes at its peak, measured in a process of its own.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <functional>
#include <string>

namespace convoy {

/// Whether a process's memory says anything about a program's own: sanitizers keep much of theirs.
inline bool MeasuresMemory() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::puts("SKIPPED: peaks of memory: a sanitizer has memory of its own");
  return false;
#else
  return true;
#endif
}

/// What came of a piece of work.
struct Outcome {
  int status = 0;           ///< of the process: 0, or as waitpid gives it
  std::string error;        ///< what it threw; empty if nothing
  int64_t peak_bytes = -1;  ///< resident at the peak, above what was resident before; -1: unknown
};

namespace internal {

// A line of /proc/self/status, in bytes.
inline int64_t MemoryOf(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(name + ":")) return std::atoll(line.c_str() + name.size() + 1) * 1024;
  }
  return -1;
}

}  // namespace internal

/// Runs `work` in a child process and waits for it. The test must have no other threads.
inline Outcome RunApart(const std::function<void()>& work) {
  int ends[2];
  Outcome outcome;
  if (pipe2(ends, O_CLOEXEC) != 0) return outcome;
  const pid_t pid = fork();
  if (pid == 0) {
    alarm(300);
    std::string error;
    std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins here
    const int64_t before = internal::MemoryOf("VmRSS");
    try {
      work();
    } catch (const std::exception& problem) {
      error = problem.what();
    }
    const int64_t peak = internal::MemoryOf("VmHWM") - before;
    bool sent = write(ends[1], &peak, sizeof(peak)) == sizeof(peak);
    sent = sent && write(ends[1], error.data(), std::min<size_t>(error.size(), 60000)) >= 0;
    _exit(sent ? 0 : 1);
  }
  close(ends[1]);
  char part[4096];
  std::string all;
  for (ssize_t got = 0; (got = read(ends[0], part, sizeof(part))) > 0;) {
    all.append(part, static_cast<size_t>(got));
  }
  close(ends[0]);
  waitpid(pid, &outcome.status, 0);
  if (all.size() >= sizeof(outcome.peak_bytes)) {
    std::memcpy(&outcome.peak_bytes, all.data(), sizeof(outcome.peak_bytes));
    outcome.error = all.substr(sizeof(outcome.peak_bytes));
  }
  return outcome;
}

/// What refusing an input of so many bytes may cost.
inline int64_t MostForRefusing(size_t input_bytes) {
  return 2 * static_cast<int64_t>(input_bytes) + (int64_t{64} << 20);
}

}  // namespace convoy
