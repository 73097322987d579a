// Launch: defaults, flags, launchers' environments, and what a failed run prints.
#include "parallel/launch.h"

#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/base/cores.h"
#include "core/base/error.h"
#include "core/threads.h"
#include "parallel/launch/placement.h"
#include "parallel/launch/program.h"
#include "parallel/store/memory_store.h"

namespace convoy {
namespace {

void Nothing(Worker&) {}

// What is written to a stream of this process while an object lives.
class Capture {
 public:
  explicit Capture(FILE* stream) : stream_(stream), file_(std::tmpfile()) {
    std::fflush(stream_);
    saved_ = dup(fileno(stream_));
    dup2(fileno(file_), fileno(stream_));
  }
  ~Capture() { Restore(); }

  std::string Text() {
    Restore();
    std::string text(static_cast<size_t>(std::ftell(file_)), '\0');
    std::rewind(file_);
    text.resize(std::fread(text.data(), 1, text.size(), file_));
    return text;
  }

 private:
  void Restore() {
    if (saved_ < 0) return;
    std::fflush(stream_);
    dup2(saved_, fileno(stream_));
    close(saved_);
    saved_ = -1;
    std::fseek(file_, 0, SEEK_END);
  }

  FILE* stream_;
  FILE* file_;
  int saved_;
};

struct Outcome {
  int status;
  std::string errors;
};

// As `program arguments...` on a command line.
Outcome RunMain(std::vector<std::string> arguments,
                const std::function<void(Worker&)>& train = Nothing) {
  arguments.insert(arguments.begin(), "program");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  Capture capture(stderr);
  const int status = Launch(static_cast<int>(argv.size()), argv.data(), train);
  return {status, capture.Text()};
}

// Sets a variable for as long as it lives.
class ScopedEnv {
 public:
  ScopedEnv(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~ScopedEnv() { unsetenv(name_); }

 private:
  const char* name_;
};

TEST_CASE("Launch runs every worker once, each with its rank and its device") {
  const int workers = GENERATE(1, 2, 5);
  std::vector<std::atomic<int>> runs(static_cast<size_t>(workers));
  Launch({.workers = workers, .threads = 1}, [&](Worker& worker) {
    ++runs[static_cast<size_t>(worker.rank())];
    CONVOY_CHECK(worker.world_size() == workers, "world size");
    CONVOY_CHECK(worker.device() == Device::Cpu(worker.rank()), "device");
    CONVOY_CHECK(CpuTeam(worker.rank()).size() == 1, "threads");
    CONVOY_CHECK(worker.is_main() == (worker.rank() == 0), "main");
  });
  for (const auto& count : runs) CHECK(count == 1);
}

TEST_CASE("By default workers and threads share the cores") {
  std::atomic<int> workers{0};
  std::atomic<int> threads{0};
  Launch({}, [&](Worker& worker) {
    ++workers;
    threads = CpuTeam(worker.rank()).size();
  });
  CHECK(workers == std::min(AvailableCores(), 4));
  CHECK(threads == std::max(AvailableCores() / workers, 1));
}

TEST_CASE("The flags reach the workers") {
  std::atomic<int> workers{0};
  std::atomic<int> threads{0};
  const Outcome outcome =
      RunMain({"--workers", "3", "--threads=2", "--device", "cpu"}, [&](Worker& worker) {
        ++workers;
        threads = CpuTeam(worker.rank()).size();
      });
  CHECK(outcome.status == 0);
  CHECK(workers == 3);
  CHECK(threads == 2);
}

TEST_CASE("More threads than cores is worth a warning") {
  const int cores = AvailableCores();
  const Outcome outcome = RunMain({"--workers", std::to_string(cores + 1), "--threads", "1"});
  CHECK(outcome.status == 0);
  CHECK(
      outcome.errors ==
      fmt::format("warning: {0} workers of 1 thread want {0} cores, but {1} {2} available on this "
                  "host; the threads will take turns\n",
                  cores + 1, cores, cores == 1 ? "is" : "are"));
  CHECK(RunMain({"--workers", "1", "--threads", "1"}).errors.empty());
}

TEST_CASE("Options that make no sense are errors of one line") {
  const auto check = [](std::vector<std::string> arguments, const std::string& message,
                        int status = 2) {
    const Outcome outcome = RunMain(std::move(arguments));
    CHECK(outcome.errors == "error: " + message + "\n");
    CHECK(outcome.status == status);
  };
  check({"--workers", "0"}, "[Launch] --workers wants at least 1, got 0");
  check({"--workers", "-2"}, "[Launch] --workers wants at least 1, got -2");
  check({"--workers", "5000"}, "[Launch] --workers wants at most 1024, got 5000");
  check({"--threads", "0"}, "[Launch] --threads wants at least 1, got 0");
  check({"--device", "tpu"}, "[Launch] --device wants auto, cuda or cpu, got 'tpu'");
  check({"--launch", "fibers"}, "[Launch] --launch wants processes or threads, got 'fibers'");
  check({"--timeout", "0"}, "[Launch] --timeout wants seconds, more than 0, got 0");
  check({"--device", "cuda"},
        "[Launch] --device cuda: this build has no CUDA backend; use --device cpu", 1);
  CHECK_THROWS_WITH(Launch({.workers = -1}, Nothing),
                    "[Launch] --workers wants at least 1, got -1");
}

TEST_CASE("A command line that cannot be read is an error of one line") {
  const Outcome unknown = RunMain({"--wrokers", "2"});
  CHECK(unknown.status == 2);
  CHECK_THAT(unknown.errors, Catch::StartsWith("error: ") && Catch::Contains("--wrokers") &&
                                 Catch::EndsWith(" (--help lists the flags)\n"));
  const Outcome text = RunMain({"--workers", "two"});
  CHECK(text.status == 2);
  CHECK_THAT(text.errors, Catch::StartsWith("error: ") && Catch::Contains("two"));
}

TEST_CASE("--help explains the flags and runs nothing") {
  Capture capture(stdout);
  const Outcome outcome =
      RunMain({"--help"}, [](Worker&) { throw std::runtime_error("must not run"); });
  CHECK(outcome.status == 0);
  CHECK_THAT(capture.Text(), Catch::Contains("--workers") && Catch::Contains("--threads") &&
                                 Catch::Contains("--device") && Catch::Contains("--launch") &&
                                 Catch::Contains("--timeout") && Catch::Contains("at most 4") &&
                                 Catch::Contains("Exit status: 0 when all is done"));
}

TEST_CASE("A run that fails prints the first cause with its rank") {
  const Outcome outcome = RunMain({"--workers", "2", "--threads", "1"}, [](Worker& worker) {
    if (worker.rank() == 1) throw std::runtime_error("disk full");
    worker.group().Barrier();
  });
  CHECK(outcome.status == 1);
  CHECK(outcome.errors == "error: [worker 1 of 2] disk full\n");
}

TEST_CASE("An error that another process reports ends the program without a word") {
  const auto run = [](const std::function<int()>& work) {
    CLI::App app;
    std::string name = "program";
    char* argv[] = {name.data()};
    Capture capture(stderr);
    const int status = RunProgram(app, 1, argv, name, work);
    return Outcome{status, capture.Text()};
  };
  const Outcome reported = run([]() -> int { throw ReportedError("[worker 1 of 2] disk full"); });
  CHECK(reported.status == 1);
  CHECK(reported.errors.empty());
  const Outcome own = run([]() -> int { throw Error("[worker 1 of 2] disk full"); });
  CHECK(own.status == 1);
  CHECK(own.errors == "program: [worker 1 of 2] disk full\n");
}

TEST_CASE("Workers that stop early on a signal make it the exit status, as a shell has it") {
  const int workers = GENERATE(1, 3);
  for (const int signal : {SIGINT, SIGTERM}) {
    const Outcome outcome =
        RunMain({"--workers", std::to_string(workers), "--threads", "1", "--device", "cpu"},
                [&](Worker& worker) {
                  worker.StopEarly(signal);
                  CONVOY_CHECK(worker.stopped_by() == signal, "signal");
                });
    CHECK(outcome.status == 128 + signal);
  }
  CHECK(Launch({.workers = workers, .threads = 1, .device = "cpu"}, Nothing) == 0);
}

TEST_CASE("Processes of one host share its cores, those of another do not count") {
  store::MemoryStore store;
  // As a process of another host would have it.
  store.Set("the machine of worker 1", "boot/other/net:[1] ff");
  launch::Neighbours found[3];
  std::thread zero([&] { found[0] = launch::FindNeighbours(store, 0, 3, 60); });
  std::thread two([&] { found[2] = launch::FindNeighbours(store, 2, 3, 60); });
  zero.join();
  two.join();
  for (const int rank : {0, 2}) {
    CHECK(found[rank].local_rank == rank / 2);
    CHECK(found[rank].local_size == 2);
    CHECK(found[rank].sharing_cores == 2);
    CHECK(found[rank].cores == AvailableCores());
    CHECK(found[rank].first_remote_rank == 1);
    const LaunchOptions options{.device = "cpu"};
    CHECK(launch::PlaceInJob(options, 3, found[rank]).threads == std::max(AvailableCores() / 2, 1));
  }
}

TEST_CASE("Under a launcher of several processes this one is a worker, and says whom it misses") {
  SECTION("torchrun") {
    const ScopedEnv rank("RANK", "1"), size("WORLD_SIZE", "4"),
        place("CONVOY_RENDEZVOUS", "local:x");
    CHECK(StartedAsWorker() == 1);
    CHECK_THROWS_WITH(Launch({.timeout_s = 0.2}, Nothing),
                      Catch::StartsWith("[worker 1 of 4] [Meet] worker 1 of 4 has not found worker "
                                        "0 of the job 'x' on this machine within 0.2 s"));
  }
  SECTION("Open MPI") {
    const ScopedEnv rank("OMPI_COMM_WORLD_RANK", "0"), size("OMPI_COMM_WORLD_SIZE", "2");
    const ScopedEnv local_size("OMPI_COMM_WORLD_LOCAL_SIZE", "2");
    const std::string name = std::to_string(getpid());  // this test may run several times at once
    const ScopedEnv job("PMIX_NAMESPACE", name.c_str());
    CHECK_THROWS_WITH(
        Launch({.timeout_s = 0.2}, Nothing),
        Catch::Contains("[Meet] worker 1 has not joined within 0.") &&
            Catch::Contains("\n  worker 0: has started no collective\n  worker 1: has not joined"));
  }
  SECTION("variables that contradict each other") {
    const ScopedEnv rank("RANK", "1"), size("WORLD_SIZE", "1");
    CHECK_THROWS_WITH(Launch({}, Nothing), Catch::Contains("[Launch] RANK"));
  }
  SECTION("one process only") {
    const ScopedEnv rank("RANK", "0"), size("WORLD_SIZE", "1");
    CHECK(StartedAsWorker() == std::nullopt);
    CHECK_NOTHROW(Launch({}, Nothing));
  }
}

}  // namespace
}  // namespace convoy
