// Data whose collective is known, exactly, in every dtype.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "parallel/group/process_group.h"
#include "parallel/group/signature.h"

namespace convoy::collectives {

/// What every worker puts into a collective, and what has to come out. The elements are small whole
/// numbers, which look random and differ between workers; their sums over all workers are exact in
/// the dtype, in whatever order and with whatever roundings between they are taken.
class KnownData {
 public:
  struct Options {
    CollectiveKind kind = CollectiveKind::kAllReduce;
    DType dtype = DType::kF32;
    ReduceOp op = ReduceOp::kSum;
    bool average = false;  ///< the sum is divided by the number of workers
    int root = 0;          ///< of a broadcast
    int workers = 1;
  };

  /// Throws: Error if there are too many workers for sums to be exact in the dtype.
  explicit KnownData(const Options& options);

  /// Fills what worker `rank` puts in, on any device.
  void FillInput(int rank, const Tensor& input) const;
  /// Fills a place for results with what is never a result.
  void FillOutput(const Tensor& output) const;
  /// How many elements of what worker `rank` got out are not what they have to be. The host waits.
  int64_t CountWrong(int rank, const Tensor& output) const;

 private:
  // Element i of a row is row[i % its size]: a prime, so that no part of a tensor looks like
  // another one.
  using Row = std::vector<int32_t>;
  // The next `count` elements are those of `row` from `first` on.
  struct Stretch {
    const Row* row;
    int64_t first, count;
  };

  void MakeSumsMultiples();
  std::vector<Stretch> Expected(int rank, int64_t numel) const;

  Options options_;
  std::vector<Row> inputs_;  // by rank
  Row reduced_;
};

}  // namespace convoy::collectives
