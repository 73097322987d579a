// Starts the workers of a run.
#include "parallel/launch.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>

#include "core/error.h"
#include "core/threads.h"
#include "parallel/gpu_transport.h"
#include "parallel/history_dump.h"
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

void LaunchOnCpu(const Placement& place, const std::string& dump,
                 const std::function<void(Worker&)>& train) {
  const auto groups = MakeInProcessGroups(place.workers);
  RunThreads(place.workers, DeviceType::kCpu, train,
             {.join = [&](int rank) { return groups[static_cast<size_t>(rank)]; },
              .abort = [&](const std::string& reason) { groups[0]->Abort(reason); },
              .dump = dump});
}

void LaunchOnOneGpu(const std::string& dump, const std::function<void(Worker&)>& train) {
  const auto group = std::make_shared<SoloGroup>(Device::Cuda(0));
  RunThreads(1, DeviceType::kCuda, train,
             {.join = [&](int) { return group; },
              .abort = [&](const std::string& reason) { group->Abort(reason); },
              .dump = dump});
}

void LaunchGpuThreads(const Placement& place, const LaunchOptions& options,
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
                                           .timeout_s = options.timeout_s});
                  },
              .abort = [&](const std::string& reason) { board->Fail(reason); },
              .first_failure = [&] { return board->failure(); },
              .dump = options.dump});
}

void LaunchHere(const Placement& place, const LaunchOptions& options,
                const std::function<void(Worker&)>& train) {
  WarnIfCrowded(place);
  SetCpuThreads(place.threads);
  if (place.device == DeviceType::kCpu) {
    LaunchOnCpu(place, options.dump, train);
  } else if (OwnWorker()) {
    RunAsWorker(place, options, train);
  } else if (place.workers == 1) {
    LaunchOnOneGpu(options.dump, train);
  } else if (place.processes) {
    GetGpuTransport().Check();
    RunProcesses(place.workers);
  } else {
    LaunchGpuThreads(place, options, train);
  }
}

// Runs `run`, of so many workers; its error says what was dumped.
void RunWithDump(const std::string& dump, int workers, const std::function<void()>& run) {
  if (dump.empty()) return run();
  CheckDumpFolder(dump);
  const auto start = std::chrono::system_clock::now();
  try {
    run();
  } catch (const Error& error) {
    throw Error(error.what() + DescribeDump(dump, workers, start));
  }
}

}  // namespace

void Launch(const LaunchOptions& options, const std::function<void(Worker&)>& train) {
  if (!OwnWorker()) {
    if (const std::optional<JobEnv> job = ReadJobEnv()) {
      return RunWithDump(options.dump, job->size, [&] { RunJobWorker(*job, options, train); });
    }
  }
  const Placement place = Place(options);
  RunWithDump(options.dump, place.workers, [&] { LaunchHere(place, options, train); });
}

std::optional<int> StartedAsWorker() {
  if (const std::optional<int> rank = OwnWorker()) return rank;
  const std::optional<JobEnv> job = ReadJobEnv();
  return job ? std::optional<int>(job->rank) : std::nullopt;
}

}  // namespace convoy
