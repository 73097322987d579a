// Messages under way between workers connected by Gloo: many at once, and none in another's way.
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <thread>
#include <vector>

#include "tests/parallel/transport/gloo/gloo_workers.h"

namespace convoy {
namespace {

namespace fs = std::filesystem;

// More than the connections take in by themselves, so that it is under way until it is received.
constexpr int64_t kLarge = 8 << 20;

Tensor Filled(Worker& worker, int64_t n, float value) {
  return Tensor::Full({n}, value, {DType::kF32, worker.device()});
}

int ThreadsOfThisProcess() {
  return static_cast<int>(std::distance(fs::directory_iterator("/proc/self/task"), {}));
}

void PollUntilDone(Work& work) {
  while (!work.Done()) std::this_thread::yield();
}

TEST_CASE("Gloo: thousands of messages under way take no thread each") {
  constexpr int kMessages = 2000;
  std::atomic<int> posted{0};
  std::atomic<int> more_threads{-1};
  RunGlooWorkers(2, [&](Worker& worker) {
    ProcessGroup& group = worker.group();
    const int other = 1 - worker.rank();
    group.Barrier();
    std::vector<Tensor> tensors;
    std::vector<Work> works;
    const int threads = ThreadsOfThisProcess();
    for (int i = 0; i < kMessages; ++i) {
      tensors.push_back(Filled(worker, 8, worker.rank() == 0 ? -1 : static_cast<float>(i)));
      if (worker.rank() == 0) works.push_back(group.Recv(tensors.back(), other, i));
    }
    if (worker.rank() == 0) {
      more_threads = ThreadsOfThisProcess() - threads;
      posted = 1;
      for (Work& work : works) work.Wait();
      for (int i = 0; i < kMessages; ++i) {
        if (tensors[static_cast<size_t>(i)].data<float>()[7] != static_cast<float>(i)) {
          throw Error("wrong message");
        }
      }
    } else {
      while (posted == 0) std::this_thread::yield();
      for (int i = kMessages - 1; i >= 0; --i) {
        group.Send(tensors[static_cast<size_t>(i)], other, i);
      }
      group.Barrier();
      return;
    }
    group.Barrier();
  });
  CHECK(more_threads < 10);  // one for each worker's messages, and what else starts meanwhile
}

// Worker 1 does nothing before worker 0 has done with worker 2.
void CheckIndependent(bool receives, bool polls, bool large) {
  CAPTURE(receives, polls, large);
  std::atomic<bool> over{false};
  const int64_t n = large ? kLarge : 16;
  RunGlooWorkers(3, [&](Worker& worker) {
    ProcessGroup& group = worker.group();
    const Tensor one = Filled(worker, n, 1), two = Filled(worker, n, 2);
    group.Barrier();
    if (worker.rank() == 0) {
      const auto start = [&](const Tensor& tensor, int other) {
        return receives ? group.Recv(tensor, other) : group.Send(tensor, other);
      };
      Work first = start(one, 1), second = start(two, 2);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the first one has its turn
      polls ? PollUntilDone(second) : second.Wait();
      over = true;
      first.Wait();
      second.Wait();
    } else {
      while (worker.rank() == 1 && !over) std::this_thread::yield();
      (receives ? group.Send(one, 0) : group.Recv(one, 0)).Wait();
    }
    group.Barrier();
  });
}

TEST_CASE("Gloo: a message of one worker does not wait for another worker's") {
  for (const bool polls : {false, true}) {
    for (const bool large : {false, true}) {
      CheckIndependent(/*receives=*/true, polls, large);
      if (large) CheckIndependent(/*receives=*/false, polls, large);  // else it is sent at once
    }
  }
}

TEST_CASE("Gloo: messages that are polled in turn all end, in whatever order they come") {
  constexpr int kMessages = 30;
  RunGlooWorkers(2, [&](Worker& worker) {
    ProcessGroup& group = worker.group();
    const int other = 1 - worker.rank();
    std::vector<Tensor> sent, received;
    std::vector<Work> works;
    for (int i = 0; i < kMessages; ++i) {
      received.push_back(Filled(worker, 50000, 0));
      works.push_back(group.Recv(received.back(), other, i));
    }
    for (int i = 0; i < kMessages; ++i) {
      sent.push_back(Filled(worker, 50000, static_cast<float>(i)));
      works.push_back(group.Send(sent.back(), other, i * 7 % kMessages));
    }
    for (bool all = false; !all;) {
      all = true;
      for (Work& work : works) all &= work.Done();
    }
    for (int i = 0; i < kMessages; ++i) {
      const Tensor& tensor = received[static_cast<size_t>(i * 7 % kMessages)];
      if (tensor.data<float>()[49999] != static_cast<float>(i)) throw Error("wrong message");
    }
    group.Barrier();
  });
}

TEST_CASE("Gloo: a message that nobody waits for ends, and the history says so") {
  RunGlooWorkers(2, [&](Worker& worker) {
    ProcessGroup& group = worker.group();
    if (worker.rank() == 0) {
      group.Send(Filled(worker, 1000, 3), 1, 5);
      const auto is_done = [&] {
        for (const CollectiveRecord& record : group.history()) {
          if (record.kind == "Send") {
            return record.state == CollectiveRecord::State::kDone;
          }
        }
        return false;
      };
      while (!is_done()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    } else {
      const Tensor tensor = Filled(worker, 1000, 0);
      group.Recv(tensor, 0, 5).Wait();
      if (tensor.data<float>()[999] != 3) throw Error("wrong message");
    }
    group.Barrier();
  });
}

}  // namespace
}  // namespace convoy
