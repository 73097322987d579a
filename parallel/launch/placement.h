// Where the workers of a run compute: the launch options with every default worked out.
#pragma once

#include <string>

#include "core/device.h"
#include "parallel/group/limits.h"
#include "parallel/launch/neighbours.h"
#include "parallel/launch/options.h"

namespace convoy::launch {

struct Placement {
  DeviceType device = DeviceType::kCpu;
  int workers = 1;
  int threads = 1;         ///< CPU threads of each worker
  bool processes = false;  ///< a process per worker, rather than a thread
  int gpu = 0;             ///< of a worker that a launcher has started
  /// Why "auto" took the CPU although this build has the CUDA backend; else empty. For a banner.
  std::string why_not_cuda;
};

/// Throws: UsageError on options that make no sense, Error on those that this machine cannot
/// fulfil.
Placement Place(const LaunchOptions& options);

/// Throws: UsageError on options that make no sense for one of `size` processes that a launcher has
/// started: also if --workers says something else.
void CheckJobOptions(const LaunchOptions& options, int size);

/// As Place, for one of `size` processes that a launcher has started; `neighbours` are those on
/// this machine. Throws: also as CheckJobOptions.
Placement PlaceInJob(const LaunchOptions& options, int size, const Neighbours& neighbours);

/// Whether more threads than cores are worth a warning: on the CPU always, on GPUs, whose workers'
/// threads have little to do, if `options` says how many there are.
bool CrowdsMatter(const Placement& place, const LaunchOptions& options);

/// Prints a warning if `workers` of `threads` threads each, all on this host, want more than its
/// `cores`.
void WarnIfCrowded(int workers, int threads, int cores);

inline constexpr int kMaxThreads = 1024;

/// Throws: UsageError unless `count` lies in [1, max].
void CheckCount(const char* flag, int count, int max);

}  // namespace convoy::launch
