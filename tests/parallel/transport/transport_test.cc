// Transports are found by name, or by what fits the workers; new ones need no list but their own.
#include "parallel/transport/transport.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "core/base/exit_status.h"
#include "core/tensor.h"
#include "tests/parallel/workers.h"

namespace convoy {
namespace {

using Catch::Contains;
using Catch::EndsWith;

std::string Preferred(transport::WorkerLayout layout) {
  return transport::FindTransport("auto", DeviceType::kCpu, layout).name();
}

TEST_CASE("Each layout of CPU workers has a transport, unless another one is named") {
  CHECK(Preferred(transport::WorkerLayout::kAlone) == "inprocess");
  CHECK(Preferred(transport::WorkerLayout::kThreads) == "inprocess");
  CHECK(Preferred(transport::WorkerLayout::kProcesses) == "gloo");
  for (const transport::WorkerLayout layout :
       {transport::WorkerLayout::kAlone, transport::WorkerLayout::kThreads,
        transport::WorkerLayout::kProcesses}) {
    CHECK(transport::FindTransport("gloo", DeviceType::kCpu, layout).name() == "gloo");
  }
  CHECK(
      transport::FindTransport("solo", DeviceType::kCpu, transport::WorkerLayout::kAlone).name() ==
      "solo");
}

TEST_CASE("A name that is no transport's is a wrong command line") {
  CHECK_THROWS_AS(Launch({.workers = 1, .device = "cpu", .transport = "mpi"}, [](Worker&) {}),
                  UsageError);
  CHECK_THROWS_WITH(transport::CheckTransportName("mpi"),
                    Contains("[Launch] --transport wants auto or one of gloo, inprocess") &&
                        EndsWith("solo, got 'mpi'"));
}

TEST_CASE("A transport that does not connect such workers is refused, with those that do") {
  CHECK_THROWS_WITH(
      transport::FindTransport("inprocess", DeviceType::kCpu, transport::WorkerLayout::kProcesses),
      "[Launch] --transport inprocess does not connect workers that are processes on CPUs; use "
      "gloo");
  CHECK_THROWS_WITH(
      Launch({.workers = 2, .threads = 1, .device = "cpu", .transport = "solo"}, [](Worker&) {}),
      "[Launch] --transport solo does not connect workers that are threads on CPUs; use gloo, "
      "inprocess");
  CHECK_THROWS_WITH(
      transport::FindTransport("gloo", DeviceType::kCpu, transport::WorkerLayout::kAlone)
          .Identify(0),
      "[Launch] the transport 'gloo' does not connect GPUs");
}

TEST_CASE("Threads on the CPU give the same bits over Gloo, by one option") {
  std::vector<std::vector<float>> sums;
  for (const char* transport : {"inprocess", "gloo"}) {
    std::vector<float> sum;
    Launch({.workers = 3, .threads = 1, .device = "cpu", .transport = transport},
           [&](Worker& worker) {
             ExpectEqual(worker.group().name(), std::string(transport), "the group");
             std::vector<float> own(1000);
             for (size_t i = 0; i < own.size(); ++i) {
               own[i] = 0.1f * static_cast<float>(i + 7) / static_cast<float>(worker.rank() + 3);
             }
             const Tensor tensor = Tensor::From<float>({1000}, own, worker.device());
             worker.group().AllReduce(tensor).Wait();
             if (worker.is_main()) sum = tensor.ToVector<float>();
           });
    sums.push_back(sum);
  }
  CHECK(sums[0].size() == 1000);
  CHECK(sums[0] == sums[1]);
}

// A user's own: counts who joins, and leaves the rest to another one.
class Counting final : public transport::Transport {
 public:
  std::string name() const override { return "counting"; }
  status::TransportTitle title() const override { return {"Counting"}; }
  int Preference(DeviceType device, transport::WorkerLayout layout) const override {
    return device == DeviceType::kCpu && layout == transport::WorkerLayout::kThreads ? 1 : 0;
  }
  Join Open(const transport::TransportContext& context) override {
    const Join join =
        transport::FindTransport("inprocess", DeviceType::kCpu, transport::WorkerLayout::kThreads)
            .Open(context);
    return [this, join](int rank, Device device) {
      ++joined;
      return join(rank, device);
    };
  }

  std::atomic<int> joined{0};
};

TEST_CASE("A transport of one's own registers itself, and Launch takes it by its name") {
  static Counting transport;
  transport::RegisterTransport(&transport);
  CHECK(Preferred(transport::WorkerLayout::kThreads) == "inprocess");
  std::atomic<int> trained{0};
  Launch({.workers = 3, .threads = 1, .device = "cpu", .transport = "counting"},
         [&](Worker& worker) {
           worker.group().Barrier();
           ++trained;
         });
  CHECK(transport.joined == 3);
  CHECK(trained == 3);
}

}  // namespace
}  // namespace convoy
