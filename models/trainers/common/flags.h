// The flags that all trainers share.
#pragma once

#include <cstdint>
#include <string>

#include "core/dtype.h"
#include "optim/decide_step.h"
#include "optim/schedule.h"
#include "parallel/launch.h"

namespace CLI {
class App;
}

namespace convoy {

enum class OptimizerKind { kSgd, kAdamW };
enum class Decay { kConstant, kLinear, kCosine };

/// What a trainer fills with its own defaults before AddCommonFlags.
struct CommonFlags {
  LaunchOptions launch;
  int64_t steps = 0;
  int64_t batch_size = 0;  ///< global
  int64_t micro_batches = 1;
  uint64_t seed = 42;
  double bucket_mb = 25;
  std::string bucket_plan;  ///< a file; empty: planned by bucket_mb
  std::string data;
  std::string init;
  std::string save;
  int64_t eval_every = 0;  ///< 0: only at the end
  std::string metrics;
  bool cuda_graph = false;

  DType dtype = DType::kF32;  ///< of parameters and activations
  NonFinite on_non_finite = NonFinite::kStop;
  OptimizerKind optimizer = OptimizerKind::kAdamW;
  double lr = 1e-3;
  double min_lr = 0;
  Decay decay = Decay::kConstant;
  int64_t warmup = 0;
  double momentum = 0.9;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double weight_decay = 0;
  double clip = 0;  ///< 0: gradients are measured but not clipped
  double dropout = 0;

  /// The learning rate of every step, of `steps`.
  Schedule MakeSchedule() const;
};

/// Adds the flags, with the values in `flags` as their defaults. `data_help` says what --data is.
void AddCommonFlags(CLI::App& app, CommonFlags& flags, const std::string& data_help);

/// Gives the flag `name` ("--steps") a value unless the command line has one: for presets.
void SetUnlessGiven(CLI::App& app, const std::string& name, const std::string& value);

/// Checks what can be checked before the first step, so that no run ends in a file that cannot be
/// written (the folder of --save, --metrics, --init), and that --cuda-graph has a GPU.
/// Throws: Error naming flag, path and reason.
void CheckFlags(const CommonFlags& flags);

}  // namespace convoy
