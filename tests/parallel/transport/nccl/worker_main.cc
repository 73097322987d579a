// A program with several GPU workers, for tests of how they are started and stopped.
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "core/base/error.h"
#include "parallel/launch.h"
#include "parallel/transport/transport.h"
#include "tests/parallel/split_cases.h"
#include "tests/parallel/transport/nccl/toy_training.h"

namespace convoy {
namespace {

// What the worker was told, for the test to read: FOLDER/R.
void Leave(Worker& worker, const std::string& text) {
  std::ofstream(fmt::format("{}/{}", getenv("FOLDER"), worker.rank())) << text;
}

void SleepSeconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

Tensor Numbers(Worker& worker) { return Tensor::Zeros({4096}, {DType::kF32, worker.device()}); }

// Who has the mishap.
int Victim() {
  const char* given = getenv("VICTIM");
  return given != nullptr ? std::atoi(given) : 1;
}

// Sums in a loop, until one worker has a mishap of its own after the first.
void Sum(Worker& worker, const std::function<void()>& mishap) {
  try {
    for (int step = 0; step < 1000; ++step) {
      const Tensor numbers = Numbers(worker);
      if (step == 1 && worker.rank() == Victim()) mishap();
      worker.group().AllReduce(numbers, ReduceOp::kSum, "bucket 0 (fc1.weight)").Wait();
      numbers.ToVector<float>();
    }
  } catch (const Error& error) {
    Leave(worker, error.what());
    throw;
  }
}

// A transport whose victim is stopped (SIGSTOP) when it is about to join.
class Stops final : public transport::Transport {
 public:
  explicit Stops(transport::Transport& transport) : transport_(transport) {}
  std::string name() const override { return transport_.name(); }
  status::TransportTitle title() const override { return transport_.title(); }
  int Preference(DeviceType device, transport::WorkerLayout layout) const override {
    return transport_.Preference(device, layout);
  }
  void Check() override { transport_.Check(); }
  std::string Identify(int gpu) override { return transport_.Identify(gpu); }
  Join Open(const transport::TransportContext& context) override {
    return [join = transport_.Open(context)](int rank, Device device) {
      if (rank == Victim()) raise(SIGSTOP);
      return join(rank, device);
    };
  }

 private:
  transport::Transport& transport_;
};

void Train(Worker& worker) {
  const std::string scene = getenv("SCENE");
  if (scene == "train") {
    Leave(worker, ToText(TrainToy(worker, ToyRun{})));
  } else if (scene == "hello") {
    std::printf("rank %d of %d on %s\n", worker.rank(), worker.world_size(),
                worker.device().ToString().c_str());
    std::fflush(stdout);
    worker.group().Barrier();
  } else if (scene == "collectives") {
    CheckSplit(worker);
    if (worker.world_size() == 4) CheckGrid(worker);
    Leave(worker, "as expected");
  } else if (scene == "throws") {
    Sum(worker, [] { throw std::runtime_error("disk full"); });
  } else if (scene == "killed") {
    Sum(worker, [] { raise(SIGKILL); });
  } else if (scene == "dies") {
    // Right after its fourth sum, sooner than it reports them to others.
    for (int i = 0; i < 4; ++i) {
      const Tensor numbers = Numbers(worker);
      worker.group().AllReduce(numbers, ReduceOp::kSum, fmt::format("sum {}", i)).Wait();
      numbers.ToVector<float>();
    }
    if (worker.rank() == Victim()) raise(SIGKILL);
    worker.group().Barrier();
  } else if (scene == "missing") {
    Sum(worker, [] { SleepSeconds(60); });
  } else if (scene == "exits") {
    Sum(worker, [] { _exit(7); });
  } else if (scene == "sleeps") {
    if (worker.is_main()) {
      std::printf("pids %d %d\n", getppid(), getpid());
      std::fflush(stdout);
    }
    SleepSeconds(60);
  }
}

}  // namespace
}  // namespace convoy

int main(int argc, char** argv) {
  if (getenv("NEVER_JOINS") != nullptr && convoy::StartedAsWorker() == 1) {
    std::this_thread::sleep_for(std::chrono::seconds(60));
  }
  if (getenv("SCENE") == std::string("stops")) {
    static convoy::Stops stops(convoy::transport::FindTransport(
        "nccl", convoy::DeviceType::kCuda, convoy::transport::WorkerLayout::kProcesses));
    convoy::transport::RegisterTransport(&stops);
  }
  return convoy::Launch(argc, argv, convoy::Train);
}
