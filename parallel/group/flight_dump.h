// The flight recorders of a worker's groups as a file: what to look at when a run has failed.
#pragma once

#include <chrono>
#include <string>

#include "parallel/group/process_group.h"

namespace convoy {

/// Throws: Error unless `folder` is a folder in which files can be made.
void CheckDumpFolder(const std::string& folder);

/// Writes what `group` and its subgroups did last to FOLDER/collectives-rank-R.json, with `error`.
/// From the worker's thread. Nothing is thrown: what goes wrong is told on standard error, and an
/// unfinished file is not left behind.
void DumpFlightRecorder(const std::string& folder, ProcessGroup& group,
                        const std::string& error) noexcept;

/// "\nlast collectives of workers 0, 2: FOLDER/collectives-rank-R.json": those of `workers` that
/// have been written since `start`, as seen from this machine; or empty.
std::string DescribeDump(const std::string& folder, int workers,
                         std::chrono::system_clock::time_point start);

}  // namespace convoy
