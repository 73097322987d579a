// Where the workers of a run compute: the launch options with every default worked out.
#include "parallel/launch/placement.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "core/backend.h"
#include "core/base/cores.h"
#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "core/base/standard_streams.h"
#include "parallel/transport/transport.h"

namespace convoy::launch {
namespace {

constexpr int kMaxDefaultCpuWorkers = 4;

// GPUs that can be used, if they may be.
int CountGpus(const LaunchOptions& options, std::string& why) {
  const std::string& device = options.device;
  CheckUsage(device == "auto" || device == "cpu" || device == "cuda",
             "[Launch] --device wants auto, cuda or cpu, got '{}'", device);
  if (device == "cpu") return 0;
  const bool built = HasBackend(DeviceType::kCuda);
  CONVOY_CHECK(built || device == "auto",
               "[Launch] --device cuda: this build has no CUDA backend; use --device cpu");
  const int gpus = built ? GetBackend(DeviceType::kCuda).DeviceCount(&why) : 0;
  CONVOY_CHECK(gpus > 0 || device == "auto",
               "[Launch] --device cuda: no GPU can be used: {}; use --device cpu", why);
  return gpus;
}

void CheckOptions(const LaunchOptions& options) {
  CheckUsage(options.launch == "processes" || options.launch == "threads",
             "[Launch] --launch wants processes or threads, got '{}'", options.launch);
  transport::CheckTransportName(options.transport);
  CheckUsage(std::isfinite(options.timeout_s) && options.timeout_s > 0,
             "[Launch] --timeout wants seconds, more than 0, got {}", options.timeout_s);
  CheckUsage(options.timeout_s <= 1e9, "[Launch] --timeout wants at most 1e9 seconds, got {}",
             options.timeout_s);
  if (options.workers != 0) CheckCount("--workers", options.workers, kMaxWorkers);
}

// `sharing` workers may run on the same cores, and `together` within one CPU quota.
int ThreadsOf(const LaunchOptions& options, int sharing, int together) {
  int threads = options.threads;
  if (threads == 0) {
    const int cores = static_cast<int>(AllowedCores().size());
    threads = std::max(std::min(cores / sharing, CoreQuota() / together), 1);
  }
  CheckCount("--threads", threads, kMaxThreads);
  return threads;
}

}  // namespace

void CheckCount(const char* flag, int count, int max) {
  CheckUsage(count >= 1, "[Launch] {} wants at least 1, got {}", flag, count);
  CheckUsage(count <= max, "[Launch] {} wants at most {}, got {}", flag, max, count);
}

bool CrowdsMatter(const Placement& place, const LaunchOptions& options) {
  return place.device == DeviceType::kCpu || options.threads > 0;
}

void WarnIfCrowded(int workers, int threads, int cores) {
  const int64_t wanted = int64_t{workers} * threads;
  if (wanted <= cores) return;
  WriteErrorLine(fmt::format(
      "warning: {} worker{} of {} thread{} want {} cores, but {} {} available on this host; "
      "the threads will take turns",
      workers, workers == 1 ? "" : "s", threads, threads == 1 ? "" : "s", wanted, cores,
      cores == 1 ? "is" : "are"));
}

Placement Place(const LaunchOptions& options) {
  CheckOptions(options);
  Placement place;
  const int gpus = CountGpus(options, place.why_not_cuda);
  if (gpus > 0) {
    place.device = DeviceType::kCuda;
    place.why_not_cuda.clear();
    place.workers = options.workers == 0 ? gpus : options.workers;
    CONVOY_CHECK(place.workers <= gpus,
                 "[Launch] --workers {}: each worker wants a GPU of its own, and there {} {}; use "
                 "--workers {} or --device cpu",
                 place.workers, gpus == 1 ? "is" : "are", gpus, gpus);
    place.processes = place.workers > 1 && options.launch == "processes";
  } else {
    place.workers =
        options.workers == 0 ? std::min(AvailableCores(), kMaxDefaultCpuWorkers) : options.workers;
  }
  place.threads = ThreadsOf(options, place.workers, place.workers);
  return place;
}

void CheckJobOptions(const LaunchOptions& options, int size) {
  CheckOptions(options);
  if (options.threads != 0) CheckCount("--threads", options.threads, kMaxThreads);
  CheckUsage(options.workers == 0 || options.workers == size,
             "[Launch] --workers {}, but the launcher has started {} processes, each of which is "
             "one worker; leave --workers out",
             options.workers, size);
}

Placement PlaceInJob(const LaunchOptions& options, int size, const Neighbours& neighbours) {
  CheckJobOptions(options, size);
  Placement place{.workers = size, .processes = true};
  const int gpus = CountGpus(options, place.why_not_cuda);
  if (gpus > 0) {
    place.device = DeviceType::kCuda;
    place.why_not_cuda.clear();
    // A launcher may also show each process a GPU of its own.
    place.gpu = gpus == 1 ? 0 : neighbours.local_rank;
    CONVOY_CHECK(place.gpu < gpus,
                 "[Launch] the launcher has started {} workers on this machine, and each wants a "
                 "GPU of its own, but there are {}; start fewer, or use --device cpu",
                 neighbours.local_size, gpus);
  }
  place.threads = ThreadsOf(options, neighbours.sharing_cores, neighbours.local_size);
  return place;
}

}  // namespace convoy::launch
