// A job: its workers on its hosts, from start to end.
#pragma once

#include <string>
#include <vector>

#include "tools/launcher/host_file.h"

namespace convoy::launcher {

struct JobOptions {
  int workers = 1;
  std::vector<Host> hosts;  ///< empty: all on this one
  std::vector<std::string> command;
  /// How long the others may take to end by themselves when a worker has failed, until SIGTERM;
  /// and then again until SIGKILL.
  double timeout_s = 5;
  /// How long the agents on other hosts may hear nothing of the launcher, as while it is stopped,
  /// until they end their workers.
  int silence_s = 900;
  bool prefix = true;  ///< "[2] " in front of the lines of worker 2
  int port = 0;        ///< on the first host, for several; 0: one that is free there
  std::vector<std::string> ssh = {"ssh"};  ///< called with a host, a program and its arguments
  std::vector<std::string> env;            ///< names of variables that other hosts' workers get too
};

/// The workers of one host.
struct HostShare {
  std::string host;  ///< empty: this one
  std::vector<int> ranks;
};

/// Fills the hosts in order. Throws: Error if there are fewer slots than workers.
std::vector<HostShare> ShareWorkers(const JobOptions& options);

/// Runs it. SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 are passed on to the workers, a
/// second SIGINT kills them. Prints a report if one fails. Returns 0 if all have ended with 0, else
/// the status of the one that failed first, as a shell gives it; 128 + N if none has failed, but
/// some have stopped early on a signal N that was passed on.
/// The reader of this process's output may pause for any time: up to 16 MiB are kept for it here
/// and on each host, and when there is more the workers have to wait. Throws: Error if a host
/// cannot be reached.
int RunJob(const JobOptions& options);

}  // namespace convoy::launcher
