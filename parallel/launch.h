// Starts the workers of a run.
#pragma once

#include <functional>
#include <string>

#include "parallel/worker.h"

namespace CLI {
class App;
}

namespace convoy {

struct LaunchOptions {
  /// Workers; 0: one per GPU, or on CPU one per available core, at most four.
  int workers = 0;
  /// Threads of each CPU worker; 0: the available cores divided among the workers.
  int threads = 0;
  /// "auto" (GPUs if there are any, else CPU) or "cpu".
  std::string device = "auto";
};

/// Adds --workers, --threads and --device to a program's command line.
void AddLaunchFlags(CLI::App& app, LaunchOptions& options);

/// Runs `train` once per worker and returns when all have returned. If one throws, the others'
/// collectives throw too; the first cause is rethrown, its message starting with
/// `[worker R of N]`. Prints a warning if there are more worker threads than cores.
/// Throws: also Error on options that make no sense (a negative or zero number of workers given by
/// flag, an unknown device), or under a launcher that started several processes (this build's
/// transport joins the workers of one process).
void Launch(const LaunchOptions& options, const std::function<void(Worker&)>& train);

/// For a whole `main`: reads the flags above from argv (--help explains them), runs, prints an
/// error as one line on stderr. Returns the exit status.
int Launch(int argc, char** argv, const std::function<void(Worker&)>& train);

}  // namespace convoy
