// Times the training step alone, on synthetic data fixed in memory: the same work as a PyTorch
// script does beside it (tools/bench_cpu, tools/gpu).
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/random.h"
#include "models/gpt.h"
#include "models/mlp.h"
#include "ops/loss.h"
#include "optim/adam.h"
#include "optim/sgd.h"
#include "parallel/data_parallel.h"
#include "parallel/launch.h"
#include "parallel/step_graph.h"

namespace convoy {
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

/// What a workload is made of.
struct Workload {
  Worker& worker;
  int64_t batch = 0;             ///< samples a worker
  int64_t items_per_sample = 1;  ///< tokens, if over 1
  double flops_per_item = 0;     ///< 0: not worked out
  std::function<Tensor()> step;  ///< returns the loss
};

constexpr int kRounds = 5;  // the steps are timed in as many groups, of which the median counts

Tensor RandomLabels(Random& random, int64_t count, int64_t classes, const Shape& shape,
                    Device device) {
  std::vector<int32_t> values;
  for (const int64_t value : random.Integers(count, classes)) {
    values.push_back(static_cast<int32_t>(value));
  }
  return Tensor::From(shape, values, device);
}

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
  double step_ms = 0;  // median
  double host_waits_per_step = 0;
  double loss = 0;
  int64_t peak_bytes = 0;  // of the worker's tensors
};

Result Run(Workload& load, const BenchOptions& options) {
  const Device device = load.worker.device();
  Backend& backend = GetBackend(device.type);
  Result result;
  const Tensor loss = Tensor::Zeros({}, {DType::kF32, device});
  std::optional<StepGraph> graph;
  if (options.cuda_graph) graph.emplace(load.worker);
  const auto body = [&] { loss.CopyFrom(load.step().Detach()); };
  bool first = true;
  const auto step = [&] {
    graph ? graph->Run(body) : body();
    if (!std::exchange(first, false)) return;
    backend.Synchronize(device);
    result.first_step_s = Since(options.launched);
  };
  const auto finish = [&] {
    backend.Synchronize(device);
    load.worker.group().Barrier();
  };
  for (int i = 0; i < options.warmup; ++i) step();
  std::vector<double> rounds;
  int64_t waits = 0;
  const int count = std::min(kRounds, options.steps);
  for (int round = 0; round < count; ++round) {
    const int steps = options.steps * (round + 1) / count - options.steps * round / count;
    finish();
    const Clock::time_point start = Clock::now();
    const int64_t before = backend.HostWaits();
    for (int i = 0; i < steps; ++i) step();
    waits += backend.HostWaits() - before;
    finish();
    rounds.push_back(1e3 * Since(start) / steps);
  }
  std::nth_element(rounds.begin(), rounds.begin() + count / 2, rounds.end());
  result.step_ms = rounds[static_cast<size_t>(count / 2)];
  result.host_waits_per_step = static_cast<double>(waits) / options.steps;
  result.loss = double{loss.Item<float>()};
  result.peak_bytes = backend.Stats(device).peak_bytes;
  return result;
}

void Print(const Workload& load, const BenchOptions& options, const Result& result) {
  const Worker& worker = load.worker;
  const std::string device = GetBackend(worker.device().type).Describe(worker.device());
  const double items = static_cast<double>(load.batch * load.items_per_sample);
  const double rate = items * worker.world_size() / (result.step_ms / 1e3);
  const char* unit = load.items_per_sample > 1 ? "tokens" : "samples";
  std::optional<double> mfu;
  if (const auto peak = PeakFlops(device);
      peak && load.flops_per_item > 0 && options.GetDType() != DType::kF32) {
    mfu = load.flops_per_item * rate / worker.world_size() / *peak;
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
                                {"batch", load.batch},
                                {std::string(unit) + "_per_s", rate},
                                {"step_ms", result.step_ms},
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
              options.workload.c_str(), worker.world_size(), static_cast<long long>(load.batch),
              rate, unit, result.step_ms, result.loss, host_mib);
  if (!worker.device().is_cpu()) {
    std::printf(" tensors=%.1f MiB waits=%.2f/step", tensors_mib, result.host_waits_per_step);
  }
  if (mfu) std::printf(" mfu=%.1f%%", 100 * *mfu);
  std::printf(" first_step=%.2f s device=%s dtype=%s%s\n", result.first_step_s, device.c_str(),
              options.dtype.c_str(), options.cuda_graph ? " graph" : "");
}

void Time(Workload load, const BenchOptions& options) {
  const Result result = Run(load, options);
  if (load.worker.is_main()) Print(load, options, result);
}

// 784-512-512-10, SGD with momentum.
void TimeMlp(Worker& worker, const BenchOptions& options) {
  const int64_t batch = options.batch > 0 ? options.batch : 128;
  Random random(1, static_cast<uint64_t>(worker.rank()) << 32);
  const Tensor images = Tensor::Empty({batch, 784}, {DType::kF32, worker.device()});
  random.Uniform(images, 0, 1);
  const Tensor labels = RandomLabels(random, batch, 10, {batch}, worker.device());
  Mlp model({.in = 784, .hidden = {512, 512}, .out = 10, .dtype = options.GetDType()},
            worker.device(), 1);
  DataParallel net(worker, model.Parameters());
  Sgd sgd(net.Parameters(), {.lr = 0.01, .momentum = 0.9});
  Time({.worker = worker,
        .batch = batch,
        .step =
            [&] {
              const Tensor loss = CrossEntropy(model(images), labels);
              net.Backward(loss);
              sgd.Step();
              return loss;
            }},
       options);
}

void TimeGpt(Worker& worker, const BenchOptions& options, GptOptions size, int64_t batch) {
  if (options.batch > 0) batch = options.batch;
  if (options.context > 0) size.block_size = options.context;
  size.dtype = options.GetDType();
  Random random(1, static_cast<uint64_t>(worker.rank()) << 32);
  const Shape shape{batch, size.block_size};
  const auto draw = [&] {
    return RandomLabels(random, shape.numel(), size.vocab_size, shape, worker.device());
  };
  const Tensor tokens = draw(), labels = draw();
  Gpt model(size, worker.device(), 1);
  DataParallel net(worker, model.Parameters());
  AdamW adam(net.Parameters(), {.lr = 3e-4, .weight_decay = 0.01});
  // Of every token: 6 products a parameter, and attention over the whole context.
  const int64_t padding = (size.padded_vocab() - size.vocab_size) * size.channels;
  const double flops = 6.0 * static_cast<double>(model.ParameterCount() - padding) +
                       6.0 * static_cast<double>(size.layers * size.channels * size.block_size);
  Time({.worker = worker,
        .batch = batch,
        .items_per_sample = size.block_size,
        .flops_per_item = flops,
        .step =
            [&] {
              const Tensor loss = model.Loss(tokens, labels);
              net.Backward(loss);
              adam.Step();
              return loss;
            }},
       options);
}

// nanoGPT's CPU configuration: 4 layers, 4 heads, 128 channels, 64 tokens; AdamW.
GptOptions GptCpu(Device device) {
  return {.vocab_size = 65,
          .block_size = 64,
          .layers = 4,
          .heads = 4,
          .channels = 128,
          .gelu = GeluKind::kExact,
          .vocab_multiple = device.is_cpu() ? 1 : 64};
}

// GPT-2's smallest model, 124M parameters.
GptOptions Gpt2() { return {.vocab_multiple = 128}; }

void TimeWorkload(Worker& worker, const BenchOptions& options) {
  if (options.workload == "mlp") {
    TimeMlp(worker, options);
  } else if (options.workload == "gpt_cpu") {
    TimeGpt(worker, options, GptCpu(worker.device()), 12);
  } else {
    TimeGpt(worker, options, Gpt2(), 32);
  }
}

}  // namespace
}  // namespace convoy

int main(int argc, char** argv) {
  CLI::App app("Times the training step of a model on synthetic data.");
  convoy::LaunchOptions launch{.workers = 1, .threads = 1, .device = "cpu"};
  convoy::BenchOptions options;
  app.add_option("workload", options.workload,
                 "mlp (784-512-512-10), gpt_cpu (nanoGPT's) or gpt2 (124M)")
      ->required()
      ->check(CLI::IsMember({"mlp", "gpt_cpu", "gpt2"}));
  app.add_option("--batch", options.batch, "Samples a worker; 0: the workload's own (128, 12, 32)");
  app.add_option("--context", options.context, "Tokens a sample; 0: the workload's own (64, 1024)");
  app.add_option("--dtype", options.dtype, "Of parameters and activations: f32 or bf16")
      ->check(CLI::IsMember({"f32", "bf16"}));
  app.add_flag("--cuda-graph", options.cuda_graph, "Record the step once and replay it (GPU)");
  app.add_option("--steps", options.steps, "Steps timed")->check(CLI::PositiveNumber);
  app.add_option("--warmup", options.warmup, "Steps before, not timed")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--json", options.json, "Print the result as a JSON object");
  convoy::AddLaunchFlags(app, launch);
  CLI11_PARSE(app, argc, argv);
  // Initial values are drawn on the host: a GPU's worker has all its cores for that.
  if (launch.device != "cpu" && app.count("--threads") == 0) launch.threads = 0;
  try {
    convoy::Launch(launch, [&](convoy::Worker& worker) { TimeWorkload(worker, options); });
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
