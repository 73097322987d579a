// A model that is trained on synthetic data fixed in memory: what benchmarks time.
#include "tools/bench/workload.h"

#include <fmt/format.h>

#include <vector>

#include "core/base/error.h"
#include "core/random.h"
#include "models/gpt.h"
#include "models/mlp.h"
#include "ops/loss.h"
#include "optim/adam.h"
#include "optim/sgd.h"

namespace convoy {
namespace {

/// Each worker has numbers of its own.
Random RandomOf(const Worker& worker) {
  return Random(1, static_cast<uint64_t>(worker.rank()) << 32);
}

Tensor RandomIntegers(Random& random, int64_t below, const Shape& shape, Device device) {
  std::vector<int32_t> values;
  for (const int64_t value : random.Integers(shape.numel(), below)) {
    values.push_back(static_cast<int32_t>(value));
  }
  return Tensor::From(shape, values, device);
}

class MlpWorkload final : public Workload {
 public:
  MlpWorkload(const WorkloadOptions& options, const Worker& worker)
      : batch_(options.batch > 0 ? options.batch : 128),
        model_({.in = 784, .hidden = {512, 512}, .out = 10, .dtype = options.dtype},
               worker.device(), 1) {
    Random random = RandomOf(worker);
    images_ = Tensor::Empty({batch_, 784}, {DType::kF32, worker.device()});
    random.Uniform(images_, 0, 1);
    labels_ = RandomIntegers(random, 10, {batch_}, worker.device());
  }

  std::string Describe() const override { return "MLP 784-512-512-10"; }
  ParameterList Parameters() override { return model_.Parameters(); }
  Tensor Loss() override { return CrossEntropy(model_(images_), labels_); }
  std::unique_ptr<Optimizer> MakeOptimizer(const FlatParameters& parameters) const override {
    return std::make_unique<Sgd>(parameters, SgdOptions{.lr = 0.01, .momentum = 0.9});
  }
  int64_t batch() const override { return batch_; }

 private:
  const int64_t batch_;
  Mlp model_;
  Tensor images_, labels_;
};

class GptWorkload final : public Workload {
 public:
  GptWorkload(GptOptions size, int64_t batch, const WorkloadOptions& options, const Worker& worker)
      : batch_(options.batch > 0 ? options.batch : batch),
        size_(WithOptions(size, options)),
        model_(size_, worker.device(), 1) {
    Random random = RandomOf(worker);
    const Shape shape{batch_, size_.block_size};
    tokens_ = RandomIntegers(random, size_.vocab_size, shape, worker.device());
    labels_ = RandomIntegers(random, size_.vocab_size, shape, worker.device());
  }

  std::string Describe() const override {
    return fmt::format("GPT, {} layers, {} heads, {} channels, context {}", size_.layers,
                       size_.heads, size_.channels, size_.block_size);
  }
  ParameterList Parameters() override { return model_.Parameters(); }
  Tensor Loss() override { return model_.Loss(tokens_, labels_); }
  std::unique_ptr<Optimizer> MakeOptimizer(const FlatParameters& parameters) const override {
    return std::make_unique<AdamW>(parameters, AdamWOptions{.lr = 3e-4, .weight_decay = 0.01});
  }
  int64_t batch() const override { return batch_; }
  int64_t items_per_sample() const override { return size_.block_size; }
  /// Of every token: 6 products a parameter, and attention over the whole context.
  double flops_per_item() const override {
    const int64_t padding = (size_.padded_vocab() - size_.vocab_size) * size_.channels;
    return 6.0 * static_cast<double>(model_.ParameterCount() - padding) +
           6.0 * static_cast<double>(size_.layers * size_.channels * size_.block_size);
  }

 private:
  static GptOptions WithOptions(GptOptions size, const WorkloadOptions& options) {
    if (options.context > 0) size.block_size = options.context;
    size.dtype = options.dtype;
    return size;
  }

  const int64_t batch_;
  const GptOptions size_;
  Gpt model_;
  Tensor tokens_, labels_;
};

GptOptions GptCpu(Device device) {
  return {.vocab_size = 65,
          .block_size = 64,
          .layers = 4,
          .heads = 4,
          .channels = 128,
          .gelu = GeluKind::kExact,
          .vocab_multiple = device.is_cpu() ? 1 : 64};
}

}  // namespace

std::unique_ptr<Workload> MakeWorkload(const WorkloadOptions& options, const Worker& worker) {
  if (options.name == "mlp") return std::make_unique<MlpWorkload>(options, worker);
  if (options.name == "gpt_cpu") {
    return std::make_unique<GptWorkload>(GptCpu(worker.device()), 12, options, worker);
  }
  CONVOY_CHECK(options.name == "gpt2", "[workload] no model '{}': there are mlp, gpt_cpu and gpt2",
               options.name);
  return std::make_unique<GptWorkload>(GptOptions{.vocab_multiple = 128}, 32, options, worker);
}

}  // namespace convoy
