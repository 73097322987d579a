// The trainers as several processes that a launcher, or nobody but a test, has started.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/models/trainers/subprocess.h"

namespace convoy {

/// A way to start a command as `workers` processes: one command line, or one for each worker.
struct Starter {
  std::string name;
  std::string needs;  ///< a program; empty: nothing that this repository has not
  std::vector<std::vector<std::string>> (*command_lines)(int workers,
                                                         const std::vector<std::string>& command);

  /// Whether `needs` is there; prints a line with SKIPPED: if not.
  bool Installed() const;
  /// Whether it ends with the status of its processes after a signal to itself. mpirun does not:
  /// that of Open MPI gives 1, that of MPICH 0 or 128 + the signal.
  bool PassesStatusOn() const { return name != "Open MPI" && name != "MPICH"; }
};

/// mpirun of Open MPI and of MPICH, tools/launch, and bare variables with each way to meet.
const std::vector<Starter>& Starters();
const Starter& FindStarter(const std::string& name);

/// For mpirun of Open MPI that is to be stopped: it kills its workers a second after SIGTERM, and
/// would not let slow ones save. With these it waits for eight (always, ended or not).
extern const std::vector<std::string> kPatientOpenMpi;

/// `env variables... command`
std::vector<std::string> WithVariables(const std::vector<std::string>& variables,
                                       const std::vector<std::string>& command);

/// Worker `rank` of `size`, started by nobody: they meet on this machine under `name`.
std::vector<std::string> BareWorker(int rank, int size, const std::string& name,
                                    const std::vector<std::string>& command);

/// A name that no other job of this machine has.
std::string UniqueName();

/// Processes that run at the same time, ended by force at destruction.
class Job {
 public:
  /// Each with `variables` added to the environment.
  explicit Job(const std::vector<std::vector<std::string>>& command_lines,
               const std::vector<std::string>& variables = {});

  Subprocess& operator[](size_t i) { return *processes_[i]; }
  size_t size() const { return processes_.size(); }
  std::vector<ProcessResult> Wait();

 private:
  std::vector<std::unique_ptr<Subprocess>> processes_;
};

/// What the processes wrote, for a check that fails.
std::string Said(const std::vector<ProcessResult>& results);

}  // namespace convoy
