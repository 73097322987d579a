// Where the processes of a job meet, by their environment.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/env_reader.h"
#include "parallel/rendezvous/meeting_place.h"

namespace convoy::launch {

/// What is known of a job before its meeting place is.
struct JobShape {
  int size = 1;
  std::optional<int> local_size;  ///< processes on this machine
  /// What this job has of its own on this machine, for a name of its meeting place; asked for only
  /// if it is needed. Empty: unknown.
  std::function<std::string()> name;
  bool slurm = false;  ///< started by srun
};

/// Reads CONVOY_RENDEZVOUS (tcp://HOST:PORT, file:PATH or local:NAME), else MASTER_ADDR and
/// MASTER_PORT, else Slurm's list of nodes; and CONVOY_SECRET. All processes of a job come to the
/// same place. Processes that are all on one machine need none of these.
/// Throws: Error, with the way out, if these contradict each other or do not suffice.
rendezvous::MeetingPlace ReadMeetingPlace(const JobShape& job, EnvReader& env);

/// Reads CONVOY_HOST, the name or address at which the other hosts reach this machine; empty if it
/// is not set. Throws: Error if it is neither.
std::string ReadHost(EnvReader& env);

/// Reads `tcp://HOST:PORT`, `file:PATH` or `local:NAME`; the secret stays empty.
/// Throws: Error, its message starting with `variable`, if `text` is none of these.
rendezvous::MeetingPlace ParseMeetingPlace(std::string_view text, std::string_view variable);

}  // namespace convoy::launch
