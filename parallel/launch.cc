// Starts the workers of a run.
#include "parallel/launch.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "core/base/cores.h"
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

int LaunchThreads(const launch::Placement& place, const LaunchOptions& options,
                  const std::function<void(Worker&)>& train) {
  transport::Transport& chosen = transport::FindTransport(
      options.transport, place.device,
      place.workers == 1 ? transport::WorkerLayout::kAlone : transport::WorkerLayout::kThreads);
  chosen.Check();
  const auto run = std::make_shared<status::RunStatus>(status::StatusPage::Make(place.workers));
  return launch::RunThreads({.status = run,
                             .join = chosen.Open({.run = run,
                                                  .timeout_s = options.timeout_s,
                                                  .store = std::make_shared<store::MemoryStore>(),
                                                  .local_host = [] { return "127.0.0.1"; },
                                                  .secret = net::DrawSecret}),
                             .dump = options.dump},
                            place.device, train);
}

// Returns the signal that the workers stopped early on, or 0.
int LaunchHere(const launch::Placement& place, const LaunchOptions& options,
               const std::function<void(Worker&)>& train) {
  // The starting process has warned for its workers.
  if (!launch::OwnWorker() && launch::CrowdsMatter(place, options)) {
    launch::WarnIfCrowded(place.workers, place.threads, AvailableCores());
  }
  SetCpuThreads(place.threads);
  if (launch::OwnWorker()) return launch::RunAsWorker(place, options, train);
  if (!place.processes) return LaunchThreads(place, options, train);
  transport::FindTransport(options.transport, place.device, transport::WorkerLayout::kProcesses)
      .Check();
  return launch::RunProcesses(place.workers);
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
  if (!launch::OwnWorker()) {
    if (const std::optional<launch::LauncherEnv> job = launch::ReadLauncherEnv()) {
      launch::CheckJobOptions(options, job->size);  // before anybody waits for this process
      return RunWithDump(options.dump, job->size,
                         [&] { return launch::RunJoinedWorker(*job, options, train); });
    }
  }
  const launch::Placement place = launch::Place(options);
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
  if (const std::optional<int> rank = launch::OwnWorker()) return rank;
  const std::optional<launch::LauncherEnv> job = launch::ReadLauncherEnv();
  return job ? std::optional<int>(job->rank) : std::nullopt;
}

}  // namespace convoy
