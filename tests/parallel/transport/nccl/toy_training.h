// Training the toy model as a trainer would, for tests that compare the parameters afterwards.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "parallel/data_parallel.h"
#include "tests/parallel/transport/nccl/toy_kernels.h"
#include "tests/parallel/workers.h"

namespace convoy {

inline constexpr int64_t kToyBatch = 8;

struct ToyRun {
  std::vector<int64_t> samples;  ///< of each worker in a batch; empty: equal shares
  int micro_batches = 1;
  int steps = 3;
  DType dtype = DType::kF32;
  BucketOptions buckets{.bytes = 1, .first_bytes = 1, .last_bytes = 1};  ///< one a parameter
  bool recorded = false;                 ///< steps after the first are replays of one
  std::function<void()> before_steps{};  ///< called by every worker when all have set up
};

/// The parameters afterwards, on the host.
inline std::vector<float> TrainToy(Worker& worker, const ToyRun& run) {
  const size_t rank = static_cast<size_t>(worker.rank());
  std::vector<int64_t> samples = run.samples;
  if (samples.empty()) {
    samples.assign(static_cast<size_t>(worker.world_size()), kToyBatch / worker.world_size());
  }
  int64_t begin = 0;
  for (size_t r = 0; r < rank; ++r) begin += samples[r];
  const int64_t mine = samples[rank];

  ParameterList parameters;
  for (const int64_t n : {300, 1, 5000, 77}) {
    // Other values on the other workers: worker 0's must win.
    const Tensor weight = Tensor::Full({n}, 0.5 + worker.rank(), {run.dtype, worker.device()});
    parameters.push_back({fmt::format("weight{}", parameters.size()), weight});
    parameters.back().tensor.SetRequiresGrad();
  }
  DataParallel net(worker, parameters, {.buckets = run.buckets});
  if (run.before_steps) {
    worker.group().Barrier();
    run.before_steps();
    worker.group().Barrier();
  }
  const auto step = [&](int number) {
    for (int m = 0; m < run.micro_batches; ++m) {
      const int64_t first = begin + mine * m / run.micro_batches;
      const int64_t last = begin + mine * (m + 1) / run.micro_batches;
      Tensor loss = Tensor::Full({}, 0, {DType::kF32, worker.device()});
      for (size_t p = 0; p < parameters.size(); ++p) {
        if (p == 1) continue;  // nobody uses it
        loss = ToyTerm(loss, parameters[p].tensor, first, last, number);
      }
      net.Backward(loss, static_cast<double>(last - first) / kToyBatch,
                   {.micro_batch = m, .micro_batches = run.micro_batches});
    }
    for (const FlatBucket& bucket : net.Parameters().buckets()) {
      if (bucket.before_read) bucket.before_read();
      ToyUpdate(bucket.values, bucket.gradients);
    }
    net.Parameters().ConsumeGradients();
  };
  std::unique_ptr<Recording> recording;
  for (int number = 0; number < run.steps; ++number) {
    if (!run.recorded) {
      step(number);
      continue;
    }
    if (number == 0) {
      step(0);
    } else {
      if (recording == nullptr) {
        recording = GetBackend(DeviceType::kCuda).Record(worker.device(), [&] { step(0); });
      }
      recording->Replay();
      worker.group().Watch(fmt::format("step {}", number));
    }
  }
  std::vector<float> values;
  for (const NamedTensor& parameter : parameters) {
    const Tensor host = parameter.tensor.To(Device::Cpu());
    DispatchFloating(run.dtype, "TrainToy", [&]<typename T>(T) {
      for (const T value : host.ToVector<T>()) values.push_back(static_cast<float>(value));
    });
  }
  return values;
}

/// All of them, exactly.
inline std::string ToText(const std::vector<float>& values) {
  return fmt::format("{:a}", fmt::join(values, " "));
}

}  // namespace convoy
