// Starts the workers of a run.
#include "parallel/launch.h"

#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "core/error.h"
#include "core/threads.h"
#include "parallel/gpu_transport.h"
#include "parallel/inprocess/inprocess_group.h"
#include "parallel/job_env.h"
#include "parallel/job_worker.h"
#include "parallel/placement.h"
#include "parallel/solo_group.h"
#include "parallel/worker_processes.h"
#include "parallel/worker_threads.h"

namespace convoy {
namespace {

void WarnIfCrowded(const Placement& place) {
  const int cores = AvailableCores();
  const int wanted = place.workers * place.threads;
  if (place.device != DeviceType::kCpu || wanted <= cores) return;
  fmt::print(stderr,
             "warning: {} workers of {} thread(s) want {} cores, but {} are available; the "
             "threads will take turns\n",
             place.workers, place.threads, wanted, cores);
}

void LaunchOnCpu(const Placement& place, const std::function<void(Worker&)>& train) {
  const auto groups = MakeInProcessGroups(place.workers);
  RunThreads(place.workers, DeviceType::kCpu, train,
             {.join = [&](int rank) { return groups[static_cast<size_t>(rank)]; },
              .abort = [&](const std::string& reason) { groups[0]->Abort(reason); }});
}

void LaunchOnOneGpu(const std::function<void(Worker&)>& train) {
  const auto group = std::make_shared<SoloGroup>(Device::Cuda(0));
  RunThreads(1, DeviceType::kCuda, train,
             {.join = [&](int) { return group; },
              .abort = [&](const std::string& reason) { group->Abort(reason); }});
}

void LaunchGpuThreads(const Placement& place, double timeout_s,
                      const std::function<void(Worker&)>& train) {
  GpuTransport& transport = GetGpuTransport();
  transport.Check();
  const std::shared_ptr<Board> board = Board::Make(place.workers);
  RunThreads(place.workers, DeviceType::kCuda, train,
             {.join =
                  [&](int rank) {
                    return transport.Join({.board = board,
                                           .rank = rank,
                                           .device = Device::Cuda(rank),
                                           .timeout_s = timeout_s});
                  },
              .abort = [&](const std::string& reason) { board->Fail(reason); },
              .first_failure = [&] { return board->failure(); }});
}

}  // namespace

void Launch(const LaunchOptions& options, const std::function<void(Worker&)>& train) {
  if (!OwnWorker()) {
    if (const std::optional<JobEnv> job = ReadJobEnv()) return RunJobWorker(*job, options, train);
  }
  const Placement place = Place(options);
  WarnIfCrowded(place);
  SetCpuThreads(place.threads);
  if (place.device == DeviceType::kCpu) {
    LaunchOnCpu(place, train);
  } else if (OwnWorker()) {
    RunAsWorker(place, options.timeout_s, train);
  } else if (place.workers == 1) {
    LaunchOnOneGpu(train);
  } else if (place.processes) {
    GetGpuTransport().Check();
    RunProcesses(place.workers);
  } else {
    LaunchGpuThreads(place, options.timeout_s, train);
  }
}

std::optional<int> StartedAsWorker() {
  if (const std::optional<int> rank = OwnWorker()) return rank;
  const std::optional<JobEnv> job = ReadJobEnv();
  return job ? std::optional<int>(job->rank) : std::nullopt;
}

}  // namespace convoy
