// How the workers of a run are started, and the flags that say so.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace convoy {

struct LaunchOptions {
  /// Workers; 0: one per GPU, or on CPU one per available core, at most four.
  int workers = 0;
  /// CPU threads of each worker; 0: the available cores divided among the workers.
  int threads = 0;
  /// "auto" (GPUs if there are any, else CPU), "cuda" or "cpu".
  std::string device = "auto";
  /// How several GPU workers are started: "processes" or "threads". (CPU workers are threads.)
  std::string launch = "processes";
  /// What moves data between workers: the name of a transport (parallel/transport/transport.h), or
  /// "auto": in-process between threads on the CPU, Gloo between processes on CPUs, NCCL on GPUs.
  std::string transport = "auto";
  /// How long a worker waits for another one, in seconds: to join, and in a collective from the
  /// moment its own part was ready. (With the in-process transport they wait for ever.)
  double timeout_s = 60;
  /// A folder for DUMP/collectives-rank-R.json, or empty: if the run fails, every worker that still
  /// can writes there what its last thousand collectives were and how far each has come. The error
  /// says whose are there. A file that cannot be written is a warning.
  std::string dump;
};

/// Adds --workers, --threads, --device, --launch, --transport, --timeout and --dump to a program's
/// command line.
void AddLaunchFlags(CLI::App& app, LaunchOptions& options);

}  // namespace convoy
