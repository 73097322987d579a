// Runs the workers of a run as threads of this process.
#include "parallel/launch/worker_threads.h"

#include <fmt/format.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/backend.h"
#include "core/base/error.h"
#include "core/base/start_thread.h"
#include "core/error_text.h"
#include "parallel/group/flight_dump.h"

namespace convoy::launch {
namespace {

// The first error of any worker; what the others throw after it is its consequence.
class FirstFailure {
 public:
  explicit FirstFailure(status::RunStatus& status) : status_(status) {}

  void Report(int rank, const std::string& error) {
    const std::string text = status::SignedBy(rank, status_.workers(), error);
    {
      const std::lock_guard lock(mutex_);
      if (message_) return;
      message_ = text;
    }
    is_cause_ = status_.Fail(text);
  }

  // A transport may have found the cause before, and signed it; else it is the first report, which
  // the status page keeps the beginning of.
  void Rethrow() const {
    if (!message_) return;
    const std::string cause = status_.page()->failure();
    throw Error(!is_cause_ && status::IsSigned(cause) ? cause : *message_);
  }

 private:
  status::RunStatus& status_;
  std::mutex mutex_;
  std::optional<std::string> message_;
  bool is_cause_ = false;
};

}  // namespace

int RunWorker(int rank, Device device, const std::function<void(Worker&)>& train,
              const transport::Transport::Join& join,
              const std::function<void(const std::string& error)>& report,
              const std::string& dump) {
  const auto fail = [&](const std::shared_ptr<ProcessGroup>& group, const std::string& error) {
    // What the run has left in the allocator: to report needs some memory too.
    if (device.is_cpu()) GetBackend(device.type).ReleaseCached(device);
    report(error);
    if (group && !dump.empty()) DumpFlightRecorder(dump, *group, error);
  };
  std::shared_ptr<ProcessGroup> group;  // outlives the report: it ends what the others wait for
  try {
    group = join(rank, device);
    Worker worker(*group, device);
    train(worker);
    // Others may still want this worker's part of what its device has been given.
    if (!device.is_cpu()) GetBackend(device.type).Synchronize(device);
    group->Finish();
    return worker.stopped_by();
  } catch (const std::exception& error) {
    fail(group, ErrorText(error));
  } catch (...) {
    fail(group, "an exception that is not a std::exception");
  }
  return 0;
}

int RunThreads(const ThreadedRun& run, DeviceType type, const std::function<void(Worker&)>& train) {
  FirstFailure failure(*run.status);
  std::atomic<int> stopped_by{0};
  const auto work = [&](int rank) {
    const int signal = RunWorker(
        rank, {type, rank}, train, run.join,
        [&](const std::string& error) { failure.Report(rank, error); }, run.dump);
    if (signal != 0) stopped_by = signal;
  };
  const int workers = run.status->workers();
  if (workers == 1) {
    work(0);
  } else {
    std::vector<std::thread> threads;
    threads.reserve(static_cast<size_t>(workers));
    for (int rank = 0; rank < workers; ++rank) {
      try {
        threads.push_back(
            StartThread("Launch", fmt::format("worker {}", rank), [&work, rank] { work(rank); }));
      } catch (const std::exception& error) {  // out of threads: those that run must stop
        failure.Report(rank, ErrorText(error));
        break;
      }
    }
    for (std::thread& thread : threads) thread.join();
  }
  failure.Rethrow();
  return stopped_by;
}

}  // namespace convoy::launch
