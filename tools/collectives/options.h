// What tools/allreduce is asked for, with the flags of nccl-tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"
#include "parallel/group/process_group.h"
#include "parallel/group/signature.h"
#include "tools/collectives/sizes.h"

namespace CLI {
class App;
}

namespace convoy {
struct LaunchOptions;
}

namespace convoy::collectives {

/// Which worker's time a row shows: -a.
enum class TimeOf : uint8_t { kRank0, kMean, kFastest, kSlowest };

struct CollectiveBenchOptions {
  CollectiveKind kind = CollectiveKind::kAllReduce;
  /// Of the whole tensor: what each worker has before or after, whichever is more.
  Sweep sweep{.first = 32 << 20, .last = 32 << 20, .step = 1 << 20};
  int iterations = 20;  ///< timed, of each size
  int warmup = 5;       ///< before, of each size
  int checks = 1;       ///< runs on known data, every element compared; 0: none
  ReduceOp op = ReduceOp::kSum;
  bool average = false;  ///< divide the sum by the number of workers
  bool all_ops = false;  ///< one table after the other, instead of `op`
  DType dtype = DType::kF32;
  bool all_dtypes = false;  ///< the same, instead of `dtype`
  int root = 0;             ///< of a broadcast
  bool median = false;      ///< of the iterations, rather than the mean
  bool blocking = false;    ///< wait for the device and for all workers after each iteration
  TimeOf time_of = TimeOf::kSlowest;
  int threads = 1;   ///< of a process; with `gpus`, the workers that it has
  int gpus = 1;      ///< of a thread
  std::string json;  ///< a file for the rows, or none
};

/// Adds the flags to a command line; call FinishOptions when it was parsed.
void AddFlags(CLI::App& app, CollectiveBenchOptions& options);

/// Works out what depends on which flags were given. Throws: Error on flags that do not fit.
void FinishOptions(const CLI::App& app, CollectiveBenchOptions& options, LaunchOptions& launch);

/// One for every datatype and, in a collective that reduces, every operation that is asked for: in
/// nccl-tests' order, without the averages of whole numbers.
std::vector<CollectiveBenchOptions> Runs(const CollectiveBenchOptions& options);

/// "allreduce", as flags and tables say it.
std::string_view FlagName(CollectiveKind kind);
/// "float", as nccl-tests says it.
std::string_view NcclName(DType dtype);
/// "sum", "max", "min" or "avg".
std::string_view RedOpName(ReduceOp op, bool average);
bool Reduces(CollectiveKind kind);
/// Whether it leaves its result where its input was.
bool WorksInPlace(CollectiveKind kind);

}  // namespace convoy::collectives
