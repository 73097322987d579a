// A model that is trained on synthetic data fixed in memory: what benchmarks time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/dtype.h"
#include "core/tensor.h"
#include "optim/flat_parameters.h"
#include "optim/optimizer.h"
#include "parallel/group/worker.h"

namespace convoy {

/// One worker's model, and its part of the data.
class Workload {
 public:
  virtual ~Workload() = default;

  /// "GPT, 4 layers, 4 heads, 128 channels, context 64".
  virtual std::string Describe() const = 0;
  virtual ParameterList Parameters() = 0;
  /// A forward pass over the batch; a scalar.
  virtual Tensor Loss() = 0;
  /// Null: there is nothing to update.
  virtual std::unique_ptr<Optimizer> MakeOptimizer(const FlatParameters& parameters) const = 0;

  virtual int64_t batch() const = 0;                      ///< samples
  virtual int64_t items_per_sample() const { return 1; }  ///< tokens, if over 1
  virtual double flops_per_item() const { return 0; }     ///< of a step; 0: not worked out
  /// Whether it computes: one that does not may share its cores.
  virtual bool uses_cores() const { return true; }
};

struct WorkloadOptions {
  std::string name = "mlp";  ///< "mlp", "gpt_cpu" or "gpt2"
  int64_t batch = 0;         ///< samples of this worker; 0: the workload's own (128, 12, 32)
  int64_t context = 0;       ///< tokens a sample; 0: the workload's own (64, 1024)
  DType dtype = DType::kF32;
};

/// mlp: 784-512-512-10, SGD with momentum; gpt_cpu: nanoGPT's configuration for a CPU (4 layers, 4
/// heads, 128 channels, 64 tokens), AdamW; gpt2: GPT-2's smallest model (124M), AdamW.
/// Throws: Error on another name.
std::unique_ptr<Workload> MakeWorkload(const WorkloadOptions& options, const Worker& worker);

}  // namespace convoy
