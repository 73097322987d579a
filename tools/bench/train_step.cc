// Times the training step alone, on synthetic data fixed in memory: the same work as a PyTorch
// script does beside it (tools/bench_cpu).
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>

#include "core/random.h"
#include "models/gpt.h"
#include "models/mlp.h"
#include "ops/loss.h"
#include "optim/adam.h"
#include "optim/sgd.h"
#include "parallel/data_parallel.h"
#include "parallel/launch.h"

namespace convoy {
namespace {

struct BenchOptions {
  std::string workload = "mlp";
  int64_t batch = 0;
  int steps = 20;
  int warmup = 3;
};

Tensor RandomLabels(Random& random, int64_t count, int64_t classes, const Shape& shape,
                    Device device) {
  std::vector<int32_t> values;
  for (const int64_t value : random.Integers(count, classes)) {
    values.push_back(static_cast<int32_t>(value));
  }
  return Tensor::From(shape, values, device);
}

double Seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

// Runs warm-up and timed steps; rank 0 prints one line: rates per second over all workers.
void Time(Worker& worker, const BenchOptions& options, int64_t batch, int64_t items_per_sample,
          const std::function<Tensor()>& step) {
  Tensor loss;
  for (int i = 0; i < options.warmup; ++i) loss = step();
  worker.group().Barrier();
  const double start = Seconds();
  for (int i = 0; i < options.steps; ++i) loss = step();
  worker.group().Barrier();
  const double per_step = (Seconds() - start) / options.steps;
  if (!worker.is_main()) return;
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const double items = static_cast<double>(batch * items_per_sample * worker.world_size());
  std::printf("%s workers=%d batch=%lld %.1f %s/s %.2f ms/step loss=%.4f peak=%.1f MiB\n",
              options.workload.c_str(), worker.world_size(), static_cast<long long>(batch),
              items / per_step, items_per_sample > 1 ? "tokens" : "samples", per_step * 1e3,
              static_cast<double>(loss.Item<float>()), static_cast<double>(usage.ru_maxrss) / 1024);
}

// 784-512-512-10, SGD with momentum.
void TimeMlp(Worker& worker, const BenchOptions& options) {
  const int64_t batch = options.batch > 0 ? options.batch : 128;
  Random random(1, static_cast<uint64_t>(worker.rank()) << 32);
  const Tensor images = Tensor::Empty({batch, 784}, {DType::kF32, worker.device()});
  random.Uniform(images, 0, 1);
  const Tensor labels = RandomLabels(random, batch, 10, {batch}, worker.device());
  Mlp model({.in = 784, .hidden = {512, 512}, .out = 10}, worker.device(), 1);
  DataParallel net(worker, model.Parameters());
  Sgd sgd(net.Parameters(), {.lr = 0.01, .momentum = 0.9});
  Time(worker, options, batch, 1, [&] {
    const Tensor loss = CrossEntropy(model(images), labels);
    net.Backward(loss);
    sgd.Step();
    return loss;
  });
}

// nanoGPT's CPU configuration: 4 layers, 4 heads, 128 channels, 64 tokens; AdamW.
void TimeGpt(Worker& worker, const BenchOptions& options) {
  constexpr int64_t kTokens = 64, kVocabulary = 65;
  const int64_t batch = options.batch > 0 ? options.batch : 12;
  Random random(1, static_cast<uint64_t>(worker.rank()) << 32);
  const Shape shape{batch, kTokens};
  const Tensor tokens = RandomLabels(random, batch * kTokens, kVocabulary, shape, worker.device());
  const Tensor labels = RandomLabels(random, batch * kTokens, kVocabulary, shape, worker.device());
  Gpt model({.vocab_size = kVocabulary,
             .block_size = kTokens,
             .layers = 4,
             .heads = 4,
             .channels = 128,
             .gelu = GeluKind::kExact},
            worker.device(), 1);
  DataParallel net(worker, model.Parameters());
  AdamW adam(net.Parameters(), {.lr = 3e-4, .weight_decay = 0.01});
  Time(worker, options, batch, kTokens, [&] {
    const Tensor loss = model.Loss(tokens, labels);
    net.Backward(loss);
    adam.Step();
    return loss;
  });
}

}  // namespace
}  // namespace convoy

int main(int argc, char** argv) {
  CLI::App app("Times the training step of a model on synthetic data.");
  convoy::LaunchOptions launch{.workers = 1, .threads = 1};
  convoy::BenchOptions options;
  app.add_option("workload", options.workload, "mlp (784-512-512-10) or gpt_cpu (nanoGPT's)")
      ->required()
      ->check(CLI::IsMember({"mlp", "gpt_cpu"}));
  app.add_option("--batch", options.batch, "Samples a worker; 0: the workload's own (128, 12)");
  app.add_option("--steps", options.steps, "Steps timed")->check(CLI::PositiveNumber);
  app.add_option("--warmup", options.warmup, "Steps before, not timed")
      ->check(CLI::NonNegativeNumber);
  convoy::AddLaunchFlags(app, launch);
  CLI11_PARSE(app, argc, argv);
  try {
    convoy::Launch(launch, [&](convoy::Worker& worker) {
      options.workload == "mlp" ? TimeMlp(worker, options) : TimeGpt(worker, options);
    });
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
