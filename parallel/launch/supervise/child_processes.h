// The processes that this one has started for one purpose.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <vector>

#include "parallel/launch/supervise/spawn.h"

namespace convoy::launch {

/// Starts, signals and waits for processes; none of them outlives the object. Safe to use from one
/// thread at a time.
class ChildProcesses {
 public:
  struct Options {
    /// Signals go to the whole process group that each of them leads, as from a terminal.
    bool groups = false;
    /// This process does AdoptOrphans (proc.h) and has no other children: Reap waits for the
    /// orphans too.
    bool orphans = false;
  };
  explicit ChildProcesses(const Options& options) : options_(options) {}
  /// Kills those that have not ended, and waits for them.
  ~ChildProcesses() { Kill(); }
  ChildProcesses(const ChildProcesses&) = delete;
  ChildProcesses& operator=(const ChildProcesses&) = delete;

  /// Starts one and returns its process id. They are numbered in the order in which they start,
  /// from 0 on. Throws: SpawnError as Spawn does.
  pid_t Start(const SpawnOptions& options);

  /// How many have started and, as far as Reap has seen, not ended.
  size_t alive() const { return alive_; }

  /// Sends the signal to all that have not ended.
  void Signal(int signal);

  struct Ended {
    size_t child;  ///< its number
    int status;    ///< from waitpid; 0 if this process ignores SIGCHLD, which loses it
  };
  /// Those that have ended since the last call. Does not wait.
  std::vector<Ended> Reap();

  /// Waits until all have ended, for `wait` at most; the ends are not told by Reap any more.
  void WaitUntilEnded(std::chrono::milliseconds wait);
  /// Kills those that have not ended and waits for their ends, which Reap does not tell any more.
  /// Other code may have waited for them before (KillDescendants in proc.h).
  void Kill();

 private:
  struct Child {
    pid_t pid;
    bool ended = false;
  };

  // Notes it if that one has ended; else returns false.
  bool HasEnded(Child& child, int& status);

  const Options options_;
  std::vector<Child> children_;
  size_t alive_ = 0;
};

}  // namespace convoy::launch
