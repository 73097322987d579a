// What tools/allreduce is asked for, with the flags of nccl-tests.
#pragma once

#include <cstdint>
#include <string>

#include "core/dtype.h"
#include "parallel/collective_call.h"
#include "parallel/process_group.h"
#include "tools/collectives/sizes.h"

namespace CLI {
class App;
}

namespace convoy {

struct CollectiveBenchOptions {
  CollectiveKind kind = CollectiveKind::kAllReduce;
  /// Of the whole tensor: what each worker has before or after, whichever is more.
  Sweep sweep{.first = 32 << 20, .last = 32 << 20, .step = 1 << 20};
  int iterations = 20;  ///< timed, of each size
  int warmup = 5;       ///< before, of each size
  int checks = 1;       ///< runs on known data, every element compared; 0: none
  ReduceOp op = ReduceOp::kSum;
  DType dtype = DType::kF32;
  int root = 0;         ///< of a broadcast
  bool median = false;  ///< of the iterations, rather than the mean
  std::string json;     ///< a file for the rows, or none
};

/// Adds the flags to a command line; call FinishOptions when it was parsed.
void AddFlags(CLI::App& app, CollectiveBenchOptions& options);

/// Works out what depends on which flags were given. Throws: Error on flags that do not fit.
void FinishOptions(const CLI::App& app, CollectiveBenchOptions& options);

/// "allreduce", as flags and tables say it.
std::string_view FlagName(CollectiveKind kind);
/// "float", as nccl-tests says it.
std::string_view NcclName(DType dtype);
bool Reduces(CollectiveKind kind);
/// Whether it leaves its result where its input was.
bool WorksInPlace(CollectiveKind kind);

}  // namespace convoy
