// Small training runs, the same on a CPU and on GPUs: what the tests of whole models compare.
#pragma once

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/random.h"
#include "core/tensor.h"
#include "models/data/dataset.h"
#include "models/gpt.h"
#include "models/mlp.h"
#include "ops/cast.h"
#include "ops/loss.h"
#include "ops/shape_ops.h"
#include "optim/adam.h"
#include "optim/schedule.h"
#include "optim/sgd.h"
#include "parallel/data_parallel.h"
#include "parallel/launch.h"
#include "parallel/step_graph.h"

namespace convoy {

struct GpuRun {
  std::string model = "gpt";  ///< or "mlp"
  DType dtype = DType::kF32;
  double dropout = 0;
  bool adamw = false;  ///< with a schedule and clipping; else SGD with momentum
  std::vector<int64_t> batches =
      std::vector<int64_t>(4, 11);  ///< samples of each step, all workers
  int micro_batches = 1;
  bool graph = false;
  bool loss_scale = false;
  Shard shard = Shard::kNone;
  std::function<void(int step)> after_step;  ///< on the main worker

  std::string device = "cuda";
  int workers = 1;
  std::string transport = "auto";
};

/// Values of all parameters at the end, and the losses of the main worker's own samples.
struct GpuRunResult {
  std::vector<std::vector<float>> parameters;
  std::vector<float> losses;
  int64_t replays = 0;
  int64_t state_bytes = 0;  ///< of the optimizer, on the main worker
};

inline constexpr int64_t kRunClasses = 13;
inline constexpr int64_t kRunTokens = 12;

/// Samples [begin, end) of a step's batch, the same whichever worker computes them.
inline Batch RunBatch(const GpuRun& run, int step, SampleRange share, Device device) {
  const bool gpt = run.model == "gpt";
  const int64_t columns = gpt ? kRunTokens : 20, labels = gpt ? kRunTokens : 1;
  const auto number = [&](int64_t sample, int64_t i, uint64_t what) {
    return RandomStream{what, static_cast<uint64_t>(step * 1000 + sample)}.Block(
        static_cast<uint64_t>(i))[0];
  };
  std::vector<int32_t> tokens, targets;
  std::vector<float> values;
  for (int64_t s = share.begin; s < share.end; ++s) {
    for (int64_t i = 0; i < columns; ++i) {
      tokens.push_back(static_cast<int32_t>(number(s, i, 1) % kRunClasses));
      values.push_back(ToUniform(number(s, i, 1)));
    }
    for (int64_t i = 0; i < labels; ++i) {
      targets.push_back(static_cast<int32_t>(number(s, i, 2) % kRunClasses));
    }
  }
  const Shape shape{share.size(), columns};
  return {gpt ? Tensor::From(shape, tokens, device) : Tensor::From(shape, values, device),
          Tensor::From({share.size() * labels}, targets, device)};
}

/// Either model, behind one face.
class RunModel {
 public:
  RunModel(const GpuRun& run, Device device) {
    if (run.model == "gpt") {
      gpt_.emplace(GptOptions{.vocab_size = kRunClasses,
                              .block_size = kRunTokens,
                              .layers = 2,
                              .heads = 2,
                              .channels = 16,
                              .dropout = run.dropout,
                              .vocab_multiple = 16,
                              .dtype = run.dtype},
                   device, 5);
    } else {
      mlp_.emplace(MlpOptions{.in = 20,
                              .hidden = {24, 16},
                              .out = kRunClasses,
                              .dropout = run.dropout,
                              .dtype = run.dtype},
                   device, 5);
    }
  }
  Module& module() { return gpt_ ? static_cast<Module&>(*gpt_) : *mlp_; }
  Tensor Loss(const Tensor& inputs, const Tensor& targets) {
    return gpt_ ? gpt_->Loss(inputs, targets) : CrossEntropy((*mlp_)(inputs), targets);
  }

 private:
  std::optional<Gpt> gpt_;
  std::optional<Mlp> mlp_;
};

inline void TrainWorker(const GpuRun& run, Worker& worker, GpuRunResult& result) {
  RunModel model(run, worker.device());
  model.module().Reseed(static_cast<uint64_t>(worker.rank()));
  DataParallel net(worker, model.module().Parameters(),
                   {.buckets = {.bytes = 2048, .first_bytes = 512}, .shard = run.shard});
  std::unique_ptr<Optimizer> optimizer;
  if (run.adamw) {
    optimizer = std::make_unique<AdamW>(
        net.Parameters(), AdamWOptions{.lr = 1e-2, .groups = NoDecayOnBiasesAndNorms()});
  } else {
    optimizer = std::make_unique<Sgd>(net.Parameters(), SgdOptions{.lr = 0.1, .momentum = 0.9});
  }
  const Schedule schedule =
      Schedule::Cosine({.max = 1e-2, .warmup = 2, .steps = int64_t(run.batches.size())});
  std::optional<LossScaler> scaler;
  if (run.loss_scale) scaler.emplace(worker.device(), LossScalerOptions{.initial = 64});
  std::optional<StepGraph> graph;
  if (run.graph) graph.emplace(worker);

  struct Inputs {
    Tensor inputs, targets;
  };
  std::map<int64_t, Inputs> fixed;  // by the global batch
  const Tensor loss = Tensor::Zeros({}, {DType::kF32, worker.device()});
  std::vector<Tensor> losses;
  for (size_t step = 0; step < run.batches.size(); ++step) {
    const int64_t samples = run.batches[step];
    const SampleRange share = PartOf(samples, worker.rank(), worker.world_size());
    const auto [inputs, targets, whole] =
        RunBatch(run, static_cast<int>(step), share, worker.device());
    Inputs& place = fixed[samples];
    if (!place.inputs.defined()) {
      place = {Tensor::Empty(inputs.shape(), inputs.options()),
               Tensor::Empty(targets.shape(), targets.options())};
    }
    place.inputs.CopyFrom(inputs);
    place.targets.CopyFrom(targets);
    if (run.adamw) optimizer->set_lr(schedule(static_cast<int64_t>(step)));
    const auto work = [&] {
      for (int m = 0; m < run.micro_batches; ++m) {
        const int64_t rows = share.size(), n = run.micro_batches;
        const int64_t begin = rows * m / n, end = rows * (m + 1) / n;
        const int64_t labels = place.targets.numel() / std::max<int64_t>(rows, 1);
        const Tensor mean = model.Loss(Slice(place.inputs, 0, begin, end),
                                       Slice(place.targets, 0, begin * labels, end * labels));
        net.Backward(mean, double(end - begin) / double(samples),
                     {.scaler = scaler ? &*scaler : nullptr,
                      .micro_batch = m,
                      .micro_batches = run.micro_batches});
        loss.CopyFrom(mean.Detach());
      }
      StepOptions options{.scaler = scaler ? &*scaler : nullptr};
      if (run.adamw) options.max_grad_norm = 0.1;
      optimizer->Step(options);
    };
    if (graph) {
      graph->Run(std::to_string(samples), work);
    } else {
      work();
    }
    losses.push_back(loss.Clone());
    if (worker.is_main() && run.after_step) run.after_step(static_cast<int>(step));
  }
  if (!worker.is_main()) return;
  for (const NamedTensor& p : model.module().Parameters()) {
    result.parameters.push_back(Cast(p.tensor.Detach(), DType::kF32).ToVector<float>());
  }
  for (const Tensor& l : losses) result.losses.push_back(l.Item<float>());
  if (graph) result.replays = graph->replays();
  result.state_bytes = optimizer->StateBytes();
}

/// Workers are threads. Throws: what the first failing worker threw.
inline GpuRunResult Train(const GpuRun& run) {
  GpuRunResult result;
  Launch({.workers = run.workers,
          .threads = 1,
          .device = run.device,
          .launch = "threads",
          .transport = run.transport},
         [&](Worker& worker) { TrainWorker(run, worker, result); });
  return result;
}

/// Greatest difference of any element, over the greatest element of its tensor; the worst tensor's.
inline double Difference(const GpuRunResult& a, const GpuRunResult& b) {
  double worst = 0;
  for (size_t p = 0; p < a.parameters.size(); ++p) {
    double greatest = 1e-12, difference = 0;
    for (size_t i = 0; i < a.parameters[p].size(); ++i) {
      const double x = a.parameters[p][i], y = b.parameters[p][i];
      greatest = std::max(greatest, std::abs(x));
      difference = std::max(difference, std::abs(x - y));
      if (!std::isfinite(x) || !std::isfinite(y)) return HUGE_VAL;
    }
    worst = std::max(worst, difference / greatest);
  }
  return worst;
}

}  // namespace convoy
