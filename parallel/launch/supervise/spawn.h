// Starts programs that end with the process that has started them, and says how they ended.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "core/base/error.h"

namespace convoy::launch {

/// A program that could not be started.
class SpawnError : public Error {
 public:
  SpawnError(const std::string& what, int status) : Error(what), status_(status) {}
  int status() const { return status_; }  ///< as a shell's: 127 not found, 126 not executable

 private:
  int status_;
};
inline constexpr int kNotFoundStatus = 127;
inline constexpr int kNotExecutableStatus = 126;

struct SpawnOptions {
  static constexpr int kInherit = -1;  ///< this process's own
  static constexpr int kNull = -2;     ///< /dev/null

  std::string program;            ///< a path, or a name that is looked for in PATH
  std::vector<std::string> argv;  ///< with argv[0], which is its name for itself
  std::vector<std::string> env;   ///< "NAME=VALUE": all of its environment
  int in = kInherit, out = kInherit, err = kInherit;  ///< what its standard streams are
  std::vector<int> keep;         ///< descriptors that it gets besides, under the same numbers
  bool new_session = false;      ///< a session of its own, away from the terminal
  bool ends_with_parent = true;  ///< killed when the calling thread ends
};

/// Starts it in a process group of its own: Ctrl-C reaches only the starting process, which may
/// pass it on. Returns its id once the program runs.
/// Throws: SpawnError if there is no such program or no room for a process.
pid_t Spawn(const SpawnOptions& options);

/// This process's variables as "NAME=VALUE", without those whose names are in `without`.
std::vector<std::string> EnvironmentWithout(const std::vector<std::string>& without);

/// Of a status from waitpid: "was killed by signal 9 (Killed)", "ended with exit status 3".
std::string DescribeEnd(int status);

/// Of a status from waitpid: whether the kernel or somebody else has killed it (SIGKILL, SIGSEGV,
/// SIGBUS, SIGILL, SIGFPE), rather than that it gave up by itself (an exit status, SIGABRT).
bool WasKilled(int status);

/// Of a status from waitpid: what a shell makes of it, 128 + a signal's number.
int ShellStatus(int status);

}  // namespace convoy::launch
