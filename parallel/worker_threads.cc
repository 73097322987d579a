// Runs the workers of a run as threads of this process.
#include "parallel/worker_threads.h"

#include <fmt/format.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/backend.h"
#include "core/error.h"
#include "core/error_text.h"
#include "parallel/history_dump.h"
#include "parallel/processes/start_thread.h"

namespace convoy {
namespace {

// The first error of any worker; what the others throw after it is its consequence.
class FirstFailure {
 public:
  explicit FirstFailure(const ThreadTransport& transport) : transport_(transport) {}

  void Report(const std::string& text) {
    {
      const std::lock_guard lock(mutex_);
      if (message_) return;
      message_ = text;
    }
    transport_.abort(text);
  }

  void Rethrow() const {
    if (!message_) return;
    const std::string known = transport_.first_failure ? transport_.first_failure() : "";
    throw Error(known.empty() ? *message_ : known);
  }

 private:
  const ThreadTransport& transport_;
  std::mutex mutex_;
  std::optional<std::string> message_;
};

}  // namespace

int RunWorker(int rank, Device device, const std::function<void(Worker&)>& train,
              const std::function<std::shared_ptr<ProcessGroup>(int rank)>& join,
              const std::function<void(const std::string& error)>& report,
              const std::string& dump) {
  const auto fail = [&](const std::shared_ptr<ProcessGroup>& group, const std::string& error) {
    // What the run has left in the allocator: to report needs some memory too.
    if (device.is_cpu()) GetBackend(device.type).ReleaseCached(device);
    report(error);
    if (group && !dump.empty()) DumpHistory(dump, *group, error);
  };
  std::shared_ptr<ProcessGroup> group;  // outlives the report: it ends what the others wait for
  try {
    group = join(rank);
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

int RunThreads(int workers, DeviceType type, const std::function<void(Worker&)>& train,
               const ThreadTransport& transport) {
  FirstFailure failure(transport);
  std::atomic<int> stopped_by{0};
  const auto run = [&](int rank) {
    const int signal = RunWorker(
        rank, {type, rank}, train, transport.join,
        [&](const std::string& error) {
          failure.Report(fmt::format("[worker {} of {}] {}", rank, workers, error));
        },
        transport.dump);
    if (signal != 0) stopped_by = signal;
  };
  if (workers == 1) {
    run(0);
  } else {
    std::vector<std::thread> threads;
    threads.reserve(static_cast<size_t>(workers));
    for (int rank = 0; rank < workers; ++rank) {
      try {
        threads.push_back(
            StartThread("Launch", fmt::format("worker {}", rank), [&run, rank] { run(rank); }));
      } catch (const std::exception& error) {  // out of threads: those that run must stop
        failure.Report(fmt::format("[worker {} of {}] {}", rank, workers, ErrorText(error)));
        break;
      }
    }
    for (std::thread& thread : threads) thread.join();
  }
  failure.Rethrow();
  return stopped_by;
}

}  // namespace convoy
