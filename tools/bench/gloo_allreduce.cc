// Times the allreduce of ProcessGroup beside Gloo's own, in turn, between the same processes:
//
//     tools/launch --workers 2 -- bazel-bin/tools/bench/gloo_allreduce --bytes 26214400
#include <fmt/format.h>
#include <gloo/allreduce.h>
#include <gloo/math.h>
#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/file_store.h>
#include <gloo/transport/tcp/device.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/quantile.h"
#include "parallel/launch.h"
#include "parallel/launch/program.h"

namespace convoy::bench {
namespace {

struct Options {
  std::vector<int64_t> bytes = {4, 4096, 262144, 4194304, 26214400, 104857600};
  int rounds = 30;
  std::string host = "127.0.0.1";
};

// A folder for Gloo's processes to find each other in.
class SharedFolder {
 public:
  explicit SharedFolder(Worker& worker) : mine_(worker.is_main()) {
    std::string path = "/tmp/gloo_allreduce-XXXXXX";
    CONVOY_CHECK(!mine_ || mkdtemp(path.data()) != nullptr,
                 "[gloo_allreduce] cannot make a folder in /tmp");
    const Tensor bytes = Tensor::From<uint8_t>({static_cast<int64_t>(path.size())},
                                               std::vector<uint8_t>(path.begin(), path.end()));
    worker.group().Broadcast(bytes, 0).Wait();
    path_.assign(bytes.data<uint8_t>(), bytes.data<uint8_t>() + path.size());
  }
  ~SharedFolder() {
    std::error_code ignored;
    if (mine_) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  const bool mine_;
  std::string path_;
};

double MillisecondsOf(Worker& worker, const std::function<void()>& body) {
  worker.group().Barrier();
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

void Run(Worker& worker, const Options& options) {
  CONVOY_CHECK(worker.group().name() == "gloo",
               "[gloo_allreduce] wants workers that are processes, on the CPU: start it with "
               "tools/launch --workers 2 -- ... --device cpu");
  ::gloo::transport::tcp::attr attributes;
  attributes.hostname = options.host;
  auto device = ::gloo::transport::tcp::CreateDevice(attributes);
  const SharedFolder folder(worker);
  ::gloo::rendezvous::FileStore store(folder.path());
  const auto context =
      std::make_shared<::gloo::rendezvous::Context>(worker.rank(), worker.world_size());
  context->connectFullMesh(store, device);
  worker.group().Barrier();  // before the folder goes

  if (worker.is_main()) {
    fmt::print("{:>10}  {:>10}  {:>10}  {:>6}   median of {} rounds in turn, f32 sum, {} workers\n",
               "bytes", "convoy ms", "gloo ms", "ratio", options.rounds, worker.world_size());
  }
  for (const int64_t bytes : options.bytes) {
    const Tensor tensor = Tensor::Zeros({std::max<int64_t>(bytes / 4, 1)});
    std::vector<double> ours, theirs;
    for (int round = 0; round <= options.rounds; ++round) {
      const double convoy =
          MillisecondsOf(worker, [&] { worker.group().AllReduce(tensor).Wait(); });
      const double gloo = MillisecondsOf(worker, [&] {
        ::gloo::AllreduceOptions call(context);
        call.setOutput(tensor.data<float>(), static_cast<size_t>(tensor.numel()));
        call.setReduceFunction(
            static_cast<void (*)(void*, const void*, const void*, size_t)>(&::gloo::sum<float>));
        ::gloo::allreduce(call);
      });
      if (round == 0) continue;  // warm-up
      ours.push_back(convoy);
      theirs.push_back(gloo);
    }
    if (!worker.is_main()) continue;
    fmt::print("{:>10}  {:>10.3f}  {:>10.3f}  {:>6.2f}\n", bytes, Median(ours), Median(theirs),
               Median(ours) / Median(theirs));
  }
}

}  // namespace
}  // namespace convoy::bench

int main(int argc, char** argv) {
  convoy::bench::Options options;
  convoy::LaunchOptions launch;
  CLI::App app("Times ProcessGroup's allreduce over Gloo beside Gloo's own, in turn");
  app.add_option("--bytes", options.bytes, "Sizes")->delimiter(',')->check(CLI::PositiveNumber);
  app.add_option("--rounds", options.rounds, "Rounds of each")->check(CLI::PositiveNumber);
  app.add_option("--host", options.host, "The address of this machine for Gloo's own")
      ->capture_default_str();
  convoy::AddLaunchFlags(app, launch);
  return convoy::RunProgram(app, argc, argv, "gloo_allreduce", [&] {
    return convoy::Launch(launch,
                          [&](convoy::Worker& worker) { convoy::bench::Run(worker, options); });
  });
}
