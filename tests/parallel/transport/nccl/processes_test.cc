// Workers on GPUs that are processes: how they start, what they print, how they end.
#include <fmt/format.h>
#include <signal.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "parallel/launch.h"
#include "tests/gpu.h"
#include "tests/models/trainers/subprocess.h"
#include "tests/parallel/transport/nccl/gpu_workers.h"
#include "tests/parallel/transport/nccl/scene.h"
#include "tests/parallel/transport/nccl/toy_training.h"

namespace convoy {
namespace {

using Catch::Contains;

// Runs one of worker_main's scenes.
class Program {
 public:
  Program(const std::string& scene, const std::vector<std::string>& flags,
          const std::vector<std::string>& variables = {})
      : scene_(scene),
        start_(std::chrono::steady_clock::now()),
        process_(std::make_unique<Subprocess>(scene_.Command(flags, variables))) {}

  Subprocess& process() { return *process_; }
  ProcessResult Wait() {
    ProcessResult result = process_->Wait();
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    return result;
  }
  double seconds() const { return seconds_; }
  // What a worker has left.
  std::string Left(int rank) const { return scene_.Left(rank); }

 private:
  const Scene scene_;
  std::chrono::steady_clock::time_point start_;
  std::unique_ptr<Subprocess> process_;
  double seconds_ = 0;
};

bool Lives(int pid) { return kill(pid, 0) == 0; }

TEST_CASE("Processes: worker 0 prints, the others are silent; all train alike") {
  CONVOY_NEED_GPUS(4);
  Program hello("hello", {"--workers", "4"});
  const ProcessResult result = hello.Wait();
  CHECK(result.status == 0);
  CHECK(result.out == "rank 0 of 4 on cuda:0\n");
  CHECK(result.err.empty());

  std::vector<float> expected;
  RunGpuWorkers(1, [&](Worker& worker) { expected = TrainToy(worker, {}); });
  for (const char* workers : {"2", "4"}) {
    Program train("train", {"--workers", workers});
    const ProcessResult trained = train.Wait();
    CHECK(trained.status == 0);
    CHECK(trained.err.empty());
    for (int rank = 0; rank < std::atoi(workers); ++rank) {
      CHECK(train.Left(rank) == ToText(expected));
    }
  }
}

TEST_CASE("Processes: a worker that throws is the error; the others stop with it") {
  CONVOY_NEED_GPUS(3);
  Program program("throws", {"--workers", "3"});
  const ProcessResult result = program.Wait();
  CHECK(result.status == 1);
  CHECK(result.err == "error: [worker 1 of 3] disk full\n");
  for (const int rank : {0, 2}) CHECK(program.Left(rank) == "[worker 1 of 3] disk full");
}

TEST_CASE("Processes: a worker killed in the middle of a bucket ends the others within moments") {
  CONVOY_NEED_GPUS(4);
  Program program("killed", {"--workers", "4", "--timeout", "30"});
  const ProcessResult result = program.Wait();
  CHECK(result.status == 1);
  CHECK_THAT(result.err,
             Contains("error: [worker 1 of 4] was killed by signal 9 (Killed); [worker ") &&
                 Contains("worker 1 was killed by signal 9 (Killed)"));
  for (const int rank : {0, 2, 3}) {
    CHECK_THAT(program.Left(rank), Contains("[NCCL] worker 1 was killed by signal 9 (Killed)"));
  }
  CHECK(program.seconds() < 20);  // not the deadline
}

TEST_CASE("Processes: a worker that does not come is named after the deadline") {
  CONVOY_NEED_GPUS(3);
  Program program("missing", {"--workers", "3", "--timeout", "2"});
  const ProcessResult result = program.Wait();
  CHECK(result.status == 1);
  CHECK_THAT(result.err,
             Contains("bucket 0 (fc1.weight), AllReduce of f32 4096 (16.0 KiB), has not "
                      "ended within 2.") &&
                 Contains("worker 1 is missing"));
  CHECK(program.seconds() < 30);
}

TEST_CASE("Processes: a worker that never joins is named") {
  CONVOY_NEED_GPUS(2);
  Program program("hello", {"--workers", "2", "--timeout", "1"}, {"NEVER_JOINS=1"});
  const ProcessResult result = program.Wait();
  CHECK(result.status == 1);
  CHECK_THAT(result.err, Contains("[worker 0 of 2] [NCCL] worker 1 has not joined within 1.") &&
                             Contains("worker 0 has"));
}

TEST_CASE("Processes: a worker that exits is the error") {
  CONVOY_NEED_GPUS(2);
  Program program("exits", {"--workers", "2"});
  const ProcessResult result = program.Wait();
  CHECK(result.status == 1);
  CHECK_THAT(result.err, Contains("error: [worker 1 of 2] ended with exit status 7"));
}

TEST_CASE("Processes: no worker outlives the program, however that ends") {
  CONVOY_NEED_GPUS(2);
  for (const int signal : {SIGKILL, SIGTERM, SIGINT}) {
    Program program("sleeps", {"--workers", "2"});
    REQUIRE(program.process().WaitForOutput("\n"));
    program.process().Signal(signal);
    const ProcessResult result = program.Wait();
    CHECK(result.status == 128 + signal);
    int parent = 0, worker = 0;
    REQUIRE(std::sscanf(result.out.c_str(), "pids %d %d", &parent, &worker) == 2);
    for (int tries = 0; tries < 500 && (Lives(parent) || Lives(worker)); ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    CHECK_FALSE(Lives(parent));
    CHECK_FALSE(Lives(worker));
  }
}

TEST_CASE("Processes: more workers than GPUs") {
  CONVOY_NEED_GPUS(1);
  const int gpus = GetBackend(DeviceType::kCuda).DeviceCount();
  CHECK_THROWS_WITH(
      Launch({.workers = gpus + 1, .device = "cuda"}, [](Worker&) {}),
      Contains(fmt::format("[Launch] --workers {}: each worker wants a GPU of its own", gpus + 1)));
}

#if defined(CONVOY_SIM)
TEST_CASE("Processes: a library of NCCL that is missing or too old stops the start") {
  CONVOY_NEED_GPUS(2);
  for (const std::string launch : {"processes", "threads"}) {
    const std::vector<std::string> flags{"--workers", "2", "--launch", launch};
    Program missing("hello", flags, {"CONVOY_SIM_NCCL=missing"});
    const ProcessResult none = missing.Wait();
    CHECK(none.status == 1);
    CHECK_THAT(none.err, Contains("libnccl.so.2"));
    CHECK(none.out.empty());
    Program old("hello", flags, {"CONVOY_SIM_NCCL_VERSION=21903"});
    CHECK(old.Wait().err ==
          "error: [NCCL] the library libnccl.so.2 is version 2.19.3, but this program wants 2.28.9 "
          "or newer; name the folder of a newer one in CONVOY_CUDA_LIBS, or use --workers 1\n");
  }
}

TEST_CASE("Without a GPU --device cuda says what is missing, and auto computes on the CPU") {
  Program cuda("hello", {}, {"CONVOY_SIM_DEVICES=0"});
  CHECK_THAT(cuda.Wait().err, Contains("error: [Launch] --device cuda: no GPU can be used: "));
  Program any("hello", {"--device", "auto", "--workers", "2"}, {"CONVOY_SIM_DEVICES=0"});
  const ProcessResult result = any.Wait();
  CHECK(result.status == 0);
  CHECK_THAT(result.out, Contains("rank 0 of 2 on cpu:0\n") && Contains("rank 1 of 2 on cpu:1\n"));
}
#endif

TEST_CASE("Nothing is left in shared memory") {
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
    const std::string name = entry.path().filename().string();
    CHECK_FALSE((name.starts_with("convoy") || name.starts_with("sim-nccl")));
  }
}

}  // namespace
}  // namespace convoy
