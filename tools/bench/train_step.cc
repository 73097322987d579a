// Times the training step alone, on synthetic data fixed in memory: the same work as a PyTorch
// script does beside it (tools/bench_cpu, tools/gpu).
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/backend.h"
#include "core/base/quantile.h"
#include "parallel/data_parallel.h"
#include "parallel/launch.h"
#include "parallel/launch/program.h"
#include "parallel/step_graph.h"
#include "tools/bench/workload.h"

namespace convoy::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct BenchOptions {
  std::string workload = "mlp";
  int64_t batch = 0;
  int64_t context = 0;
  int steps = 20;
  int warmup = 5;
  std::string dtype = "f32";
  bool cuda_graph = false;
  bool json = false;
  Clock::time_point launched = Clock::now();

  DType GetDType() const { return dtype == "bf16" ? DType::kBF16 : DType::kF32; }
};

constexpr int kRounds = 5;  // the steps are timed in as many groups, of which the median counts

double Since(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

/// Products of 16-bit numbers that a GPU can do in a second at best, dense; unknown: none.
std::optional<double> PeakFlops(const std::string& gpu) {
  const auto has = [&](const char* name) { return gpu.find(name) != std::string::npos; };
  if (has("H100") || has("H200") || has("GH200")) return 989e12;
  if (has("A100")) return 312e12;
  return {};
}

/// All that is printed.
struct Result {
  double first_step_s = 0;
  double step_ms = 0;  // median of the rounds
  double mean_ms = 0;  // of all steps timed: what throughput is taken from
  double host_waits_per_step = 0;
  double loss = 0;
  int64_t peak_bytes = 0;  // of the worker's tensors
};

Result Run(Worker& worker, Workload& load, const BenchOptions& options) {
  const Device device = worker.device();
  DataParallel net(worker, load.Parameters());
  const std::unique_ptr<Optimizer> optimizer = load.MakeOptimizer(net.Parameters());
  Backend& backend = GetBackend(device.type);
  Result result;
  const Tensor loss = Tensor::Zeros({}, {DType::kF32, device});
  std::optional<StepGraph> graph;
  if (options.cuda_graph) graph.emplace(worker);
  const auto body = [&] {
    const Tensor mean = load.Loss();
    net.Backward(mean, 1.0 / worker.world_size());
    optimizer->Step();
    loss.CopyFrom(mean.Detach());
  };
  bool first = true;
  const auto step = [&] {
    graph ? graph->Run(body) : body();
    if (!std::exchange(first, false)) return;
    backend.Synchronize(device);
    result.first_step_s = Since(options.launched);
  };
  const auto finish = [&] {
    backend.Synchronize(device);
    worker.group().Barrier();
  };
  for (int i = 0; i < options.warmup; ++i) step();
  std::vector<double> rounds;
  int64_t waits = 0;
  double seconds = 0;
  const int count = std::min(kRounds, options.steps);
  for (int round = 0; round < count; ++round) {
    const int steps = options.steps * (round + 1) / count - options.steps * round / count;
    finish();
    const Clock::time_point start = Clock::now();
    const int64_t before = backend.HostWaits();
    for (int i = 0; i < steps; ++i) step();
    waits += backend.HostWaits() - before;
    finish();
    const double took = Since(start);
    seconds += took;
    rounds.push_back(1e3 * took / steps);
  }
  result.step_ms = Median(rounds);
  result.mean_ms = 1e3 * seconds / options.steps;
  result.host_waits_per_step = static_cast<double>(waits) / options.steps;
  result.loss = double{loss.Item<float>()};
  result.peak_bytes = backend.Stats(device).peak_bytes;
  return result;
}

void Print(const Worker& worker, const Workload& load, const BenchOptions& options,
           const Result& result) {
  const std::string device = GetBackend(worker.device().type).Describe(worker.device());
  const double items = static_cast<double>(load.batch() * load.items_per_sample());
  const double rate = items * worker.world_size() / (result.mean_ms / 1e3);
  const char* unit = load.items_per_sample() > 1 ? "tokens" : "samples";
  std::optional<double> mfu;
  if (const auto peak = PeakFlops(device);
      peak && load.flops_per_item() > 0 && options.GetDType() != DType::kF32) {
    mfu = load.flops_per_item() * rate / worker.world_size() / *peak;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double host_mib = static_cast<double>(usage.ru_maxrss) / 1024;
  const double tensors_mib = static_cast<double>(result.peak_bytes) / (1 << 20);
  if (options.json) {
    nlohmann::ordered_json json{{"workload", options.workload},
                                {"device", device},
                                {"workers", worker.world_size()},
                                {"dtype", options.dtype},
                                {"cuda_graph", options.cuda_graph},
                                {"batch", load.batch()},
                                {std::string(unit) + "_per_s", rate},
                                {"step_ms", result.step_ms},
                                {"mean_step_ms", result.mean_ms},
                                {"first_step_s", result.first_step_s},
                                {"host_waits_per_step", result.host_waits_per_step},
                                {"tensors_peak_mib", tensors_mib},
                                {"host_peak_mib", host_mib},
                                {"loss", result.loss}};
    if (mfu) json["mfu"] = *mfu;
    std::printf("%s\n", json.dump().c_str());
    return;
  }
  std::printf("%s workers=%d batch=%lld %.1f %s/s %.2f ms/step loss=%.4f peak=%.1f MiB",
              options.workload.c_str(), worker.world_size(), static_cast<long long>(load.batch()),
              rate, unit, result.step_ms, result.loss, host_mib);
  if (!worker.device().is_cpu()) {
    std::printf(" tensors=%.1f MiB waits=%.2f/step", tensors_mib, result.host_waits_per_step);
  }
  if (mfu) std::printf(" mfu=%.1f%%", 100 * *mfu);
  std::printf(" first_step=%.2f s device=%s dtype=%s%s\n", result.first_step_s, device.c_str(),
              options.dtype.c_str(), options.cuda_graph ? " graph" : "");
}

void Time(Worker& worker, const BenchOptions& options) {
  const std::unique_ptr<Workload> load = MakeWorkload({.name = options.workload,
                                                       .batch = options.batch,
                                                       .context = options.context,
                                                       .dtype = options.GetDType()},
                                                      worker);
  const Result result = Run(worker, *load, options);
  if (worker.is_main()) Print(worker, *load, options, result);
}

}  // namespace
}  // namespace convoy::bench

int main(int argc, char** argv) {
  CLI::App app("Times the training step of a model on synthetic data.");
  convoy::LaunchOptions launch{.workers = 1, .threads = 1, .device = "cpu"};
  convoy::bench::BenchOptions options;
  app.add_option("workload", options.workload,
                 "mlp (784-512-512-10), gpt_cpu (nanoGPT's) or gpt2 (124M)")
      ->required()
      ->check(CLI::IsMember({"mlp", "gpt_cpu", "gpt2"}));
  app.add_option("--batch", options.batch, "Samples a worker; 0: the workload's own (128, 12, 32)")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 24));
  app.add_option("--context", options.context, "Tokens a sample; 0: the workload's own (64, 1024)")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 20));
  app.add_option("--dtype", options.dtype, "Of parameters and activations: f32 or bf16")
      ->check(CLI::IsMember({"f32", "bf16"}));
  app.add_flag("--cuda-graph", options.cuda_graph, "Record the step once and replay it (GPU)");
  app.add_option("--steps", options.steps, "Steps timed")->check(CLI::PositiveNumber);
  app.add_option("--warmup", options.warmup, "Steps before, not timed")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--json", options.json, "Print the result as a JSON object");
  convoy::AddLaunchFlags(app, launch);
  return convoy::RunProgram(app, argc, argv, "train_step", [&] {
    convoy::CheckUsage(options.workload != "mlp" || options.context == 0,
                       "[--context] is of texts, and mlp learns from images; leave it out");
    // Initial values are drawn on the host: a GPU's worker has all its cores for that.
    if (launch.device != "cpu" && app.count("--threads") == 0) launch.threads = 0;
    return convoy::Launch(launch,
                          [&](convoy::Worker& worker) { convoy::bench::Time(worker, options); });
  });
}
