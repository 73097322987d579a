// Starts the workers of a run.
#include "parallel/launch.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "core/base/standard_streams.h"
#include "core/threads.h"
#include "parallel/group/flight_dump.h"
#include "parallel/launch/env/launcher_env.h"
#include "parallel/launch/joined_worker.h"
#include "parallel/launch/placement.h"
#include "parallel/launch/program.h"
#include "parallel/launch/worker_processes.h"
#include "parallel/launch/worker_threads.h"
#include "parallel/net/secret.h"
#include "parallel/status/run_status.h"
#include "parallel/store/memory_store.h"
#include "parallel/transport/transport.h"

namespace convoy {
namespace {

int LaunchThreads(const Placement& place, const LaunchOptions& options,
                  const std::function<void(Worker&)>& train) {
  Transport& transport =
      FindTransport(options.transport, place.device,
                    place.workers == 1 ? WorkerLayout::kAlone : WorkerLayout::kThreads);
  transport.Check();
  const auto status = std::make_shared<RunStatus>(StatusPage::Make(place.workers));
  return RunThreads({.status = status,
                     .join = transport.Open({.run = status,
                                             .timeout_s = options.timeout_s,
                                             .store = std::make_shared<MemoryStore>(),
                                             .local_host = [] { return "127.0.0.1"; },
                                             .secret = DrawSecret()}),
                     .dump = options.dump},
                    place.device, train);
}

// Returns the signal that the workers stopped early on, or 0.
int LaunchHere(const Placement& place, const LaunchOptions& options,
               const std::function<void(Worker&)>& train) {
  // The starting process has warned for its workers.
  if (!OwnWorker() && CrowdsMatter(place, options)) {
    WarnIfCrowded(place.workers, place.threads, AvailableCores());
  }
  SetCpuThreads(place.threads);
  if (OwnWorker()) return RunAsWorker(place, options, train);
  if (!place.processes) return LaunchThreads(place, options, train);
  FindTransport(options.transport, place.device, WorkerLayout::kProcesses).Check();
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
  } catch (const ReportedError&) {
    throw;
  } catch (const Error& error) {
    throw Error(error.what() + DescribeDump(dump, workers, start));
  }
}

}  // namespace

int Launch(const LaunchOptions& options, const std::function<void(Worker&)>& train) {
  OpenStandardStreams();
  if (!OwnWorker()) {
    if (const std::optional<LauncherEnv> job = ReadLauncherEnv()) {
      CheckJobOptions(options, job->size);  // before anybody waits for this process
      return RunWithDump(options.dump, job->size,
                         [&] { return RunJoinedWorker(*job, options, train); });
    }
  }
  const Placement place = Place(options);
  return RunWithDump(options.dump, place.workers,
                     [&] { return LaunchHere(place, options, train); });
}

int Launch(int argc, char** argv, const std::function<void(Worker&)>& train) {
  LaunchOptions options;
  CLI::App app{"Data-parallel training with Convoy"};
  AddLaunchFlags(app, options);
  return RunProgram(app, argc, argv, "error", [&] { return Launch(options, train); });
}

std::optional<int> StartedAsWorker() {
  if (const std::optional<int> rank = OwnWorker()) return rank;
  const std::optional<LauncherEnv> job = ReadLauncherEnv();
  return job ? std::optional<int>(job->rank) : std::nullopt;
}

}  // namespace convoy
