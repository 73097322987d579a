// Starts the workers of a run.
#include "parallel/launch.h"

#include <chrono>
#include <memory>

#include "core/error.h"
#include "core/threads.h"
#include "parallel/gpu_transport.h"
#include "parallel/history_dump.h"
#include "parallel/inprocess/inprocess_group.h"
#include "parallel/job_env.h"
#include "parallel/job_worker.h"
#include "parallel/placement.h"
#include "parallel/processes/exit_status.h"
#include "parallel/processes/standard_streams.h"
#include "parallel/solo_group.h"
#include "parallel/worker_processes.h"
#include "parallel/worker_threads.h"

namespace convoy {
namespace {

int LaunchOnCpu(const Placement& place, const std::string& dump,
                const std::function<void(Worker&)>& train) {
  const auto groups = MakeInProcessGroups(place.workers);
  return RunThreads(place.workers, DeviceType::kCpu, train,
                    {.join = [&](int rank) { return groups[static_cast<size_t>(rank)]; },
                     .abort = [&](const std::string& reason) { groups[0]->Abort(reason); },
                     .dump = dump});
}

int LaunchOnOneGpu(const std::string& dump, const std::function<void(Worker&)>& train) {
  const auto group = std::make_shared<SoloGroup>(Device::Cuda(0));
  return RunThreads(1, DeviceType::kCuda, train,
                    {.join = [&](int) { return group; },
                     .abort = [&](const std::string& reason) { group->Abort(reason); },
                     .dump = dump});
}

int LaunchGpuThreads(const Placement& place, const LaunchOptions& options,
                     const std::function<void(Worker&)>& train) {
  GpuTransport& transport = GetGpuTransport();
  transport.Check();
  const std::shared_ptr<Board> board = Board::Make(place.workers);
  return RunThreads(place.workers, DeviceType::kCuda, train,
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

// Returns the signal that the workers stopped early on, or 0.
int LaunchHere(const Placement& place, const LaunchOptions& options,
               const std::function<void(Worker&)>& train) {
  // The starting process has warned for its workers.
  if (!OwnWorker() && CrowdsMatter(place, options)) {
    WarnIfCrowded(place.workers, place.threads, AvailableCores());
  }
  SetCpuThreads(place.threads);
  if (place.device == DeviceType::kCpu) return LaunchOnCpu(place, options.dump, train);
  if (OwnWorker()) return RunAsWorker(place, options, train);
  if (place.workers == 1) return LaunchOnOneGpu(options.dump, train);
  if (!place.processes) return LaunchGpuThreads(place, options, train);
  GetGpuTransport().Check();
  return RunProcesses(place.workers);
}

// Runs `run`, of so many workers; its error says what was dumped. Returns the exit status.
int RunWithDump(const std::string& dump, int workers, const std::function<int()>& run) {
  const auto status = [&] {
    const int signal = run();
    return signal == 0 ? 0 : SignalStatus(signal);
  };
  if (dump.empty()) return status();
  CheckDumpFolder(dump);
  const auto start = std::chrono::system_clock::now();
  try {
    return status();
  } catch (const Error& error) {
    throw Error(error.what() + DescribeDump(dump, workers, start));
  }
}

}  // namespace

int Launch(const LaunchOptions& options, const std::function<void(Worker&)>& train) {
  OpenStandardStreams();
  if (!OwnWorker()) {
    if (const std::optional<JobEnv> job = ReadJobEnv()) {
      CheckJobOptions(options, job->size);  // before anybody waits for this process
      return RunWithDump(options.dump, job->size,
                         [&] { return RunJobWorker(*job, options, train); });
    }
  }
  const Placement place = Place(options);
  return RunWithDump(options.dump, place.workers,
                     [&] { return LaunchHere(place, options, train); });
}

std::optional<int> StartedAsWorker() {
  if (const std::optional<int> rank = OwnWorker()) return rank;
  const std::optional<JobEnv> job = ReadJobEnv();
  return job ? std::optional<int>(job->rank) : std::nullopt;
}

}  // namespace convoy
