// Starts the workers of a run.
#include "parallel/launch.h"

#include <fmt/format.h>
#include <pthread.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/backend.h"
#include "core/error.h"
#include "core/threads.h"
#include "parallel/inprocess/inprocess_group.h"
#include "parallel/launcher_env.h"

namespace convoy {
namespace {

constexpr int kMaxDefaultWorkers = 4;
constexpr int kMaxWorkers = 1024;  // as many cpu:K as there can be
constexpr int kMaxThreads = 1024;

void CheckCount(const char* flag, int count, int max) {
  CONVOY_CHECK(count >= 1, "[Launch] {} wants at least 1, got {}", flag, count);
  CONVOY_CHECK(count <= max, "[Launch] {} wants at most {}, got {}", flag, max, count);
}

DeviceType ResolveDevice(const std::string& device) {
  if (device == "auto" || device == "cpu") return DeviceType::kCpu;
  CONVOY_CHECK(device == "cuda", "[Launch] --device wants auto or cpu, got '{}'", device);
  CONVOY_CHECK(HasBackend(DeviceType::kCuda),
               "[Launch] --device cuda: this build has no CUDA backend; use --device cpu");
  return DeviceType::kCuda;
}

// The options with every default worked out.
LaunchOptions Resolve(LaunchOptions options) {
  const int cores = AvailableCores();
  if (options.workers == 0) options.workers = std::min(cores, kMaxDefaultWorkers);
  CheckCount("--workers", options.workers, kMaxWorkers);
  if (options.threads == 0) options.threads = std::max(cores / options.workers, 1);
  CheckCount("--threads", options.threads, kMaxThreads);
  return options;
}

void WarnIfCrowded(const LaunchOptions& options) {
  const int cores = AvailableCores();
  const int wanted = options.workers * options.threads;
  if (wanted <= cores) return;
  fmt::print(stderr,
             "warning: {} workers of {} thread(s) want {} cores, but {} are available; the "
             "threads will take turns\n",
             options.workers, options.threads, wanted, cores);
}

void CheckOneProcess() {
  const std::optional<LauncherEnv> env = ReadLauncherEnv();
  CONVOY_CHECK(!env,
               "[Launch] {}={} says that a launcher has started {} processes, but this build joins "
               "workers of one process only; start it once with --workers {}, or unset {}",
               env->size_variable, env->size, env->size, env->size, env->size_variable);
}

// The first error of any worker; what the others throw after it is its consequence.
class FirstFailure {
 public:
  void Report(InProcessGroup& group, const std::string& message) {
    const std::string text =
        fmt::format("[worker {} of {}] {}", group.rank(), group.size(), message);
    {
      const std::lock_guard lock(mutex_);
      if (message_) return;
      message_ = text;
    }
    group.Abort(text);
  }

  void Rethrow() const {
    if (message_) throw Error(*message_);
  }

 private:
  std::mutex mutex_;
  std::optional<std::string> message_;
};

}  // namespace

void AddLaunchFlags(CLI::App& app, LaunchOptions& options) {
  const auto add_count = [&app](const char* flag, int& count, int max, const char* help) {
    app.add_option_function<int>(
           flag,
           [flag, &count, max](int value) {
             CheckCount(flag, value, max);
             count = value;
           },
           help)
        ->type_name("N");
  };
  add_count("--workers", options.workers, kMaxWorkers,
            "Workers that share each batch [one per available core, at most 4]");
  add_count("--threads", options.threads, kMaxThreads,
            "Threads of each worker [the available cores divided among the workers]");
  app.add_option("--device", options.device, "Where to compute: auto or cpu")
      ->type_name("NAME")
      ->capture_default_str();
}

void Launch(const LaunchOptions& given, const std::function<void(Worker&)>& train) {
  const DeviceType type = ResolveDevice(given.device);
  const LaunchOptions options = Resolve(given);
  CheckOneProcess();
  WarnIfCrowded(options);
  SetCpuThreads(options.threads);

  const auto groups = MakeInProcessGroups(options.workers);
  FirstFailure failure;
  const auto run = [&](InProcessGroup& group) {
    try {
      Worker worker(group, {type, group.rank()});
      train(worker);
      group.Finish();
    } catch (const std::exception& error) {
      failure.Report(group, error.what());
    } catch (...) {
      failure.Report(group, "an exception that is not a std::exception");
    }
  };
  if (options.workers == 1) {
    run(*groups[0]);
  } else {
    std::vector<std::thread> threads;
    for (const auto& group : groups) {
      try {
        threads.emplace_back([&run, &group] {
          pthread_setname_np(pthread_self(), fmt::format("worker {}", group->rank()).c_str());
          run(*group);
        });
      } catch (const std::system_error& error) {  // out of threads: those that run must stop
        failure.Report(*group, fmt::format("cannot start a thread: {}", error.what()));
        break;
      }
    }
    for (std::thread& thread : threads) thread.join();
  }
  failure.Rethrow();
}

int Launch(int argc, char** argv, const std::function<void(Worker&)>& train) {
  try {
    LaunchOptions options;
    CLI::App app{"Data-parallel training with Convoy"};
    AddLaunchFlags(app, options);
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return app.exit(error);  // --help
      fmt::print(stderr, "error: {} (--help lists the flags)\n", error.what());
      return error.get_exit_code();
    }
    Launch(options, train);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
}

}  // namespace convoy
