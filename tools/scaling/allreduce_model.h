// How long an allreduce takes: latency and bandwidth of every algorithm, by level of links.
#pragma once

#include <cstdint>
#include <optional>

#include "tools/scaling/links.h"

namespace convoy {

struct AllReduceTime {
  Algorithm algorithm = Algorithm::kRing;
  double ms = 0;
};

/// Times of allreduces over `workers` of a system. With n workers, in groups g1, g2, ... by level
/// (n = g1 g2 ...; m = n / g1 nodes), S bytes, a hop's latency L1, L2, ... and bandwidths B1, B2,
/// ...
///
///     ring       base + 2 (n - m) L1 + 2 (m - 1) L2               + 2 (n - 1) / n S / min B
///     tree       base + 2 (g1 - 1) L1 + 2 log2(g2) L2             + 2 (n - 1) / n S / min B
///     nvls       base + L1 + L2                                   + 2 (n - 1) / n S / min B
///     nvls-tree  base + L1 + 2 log2(g2) L2                        + 2 (n - 1) / n S / min B
///     two-level  3 base + 2 (g1 - 1) L1 + 2 log2(g2) L2 + 2 (g1 - 1) / g1 S / B1
///                                                       + 2 (g2 - 1) / g2 S / B2
///     direct     base + 3 L + 2 (n - 1) / n S / B, and a part's last segment is summed
///     inprocess  base + 2 (n - 1) / n S / B
///
/// The first four are NCCL's own model (src/graph/tuning.cc, protocol Simple) with the bandwidth
/// that nccl-tests measures; NCCL counts 2 rather than 2 (n - 1) / n for trees. The fifth is
/// Rabenseifner's (Thakur et al., "Optimization of Collective Communication Operations in MPICH",
/// 2005) with its phases one after the other. `direct` follows parallel/gloo/collectives.cc.
class AllReduceModel {
 public:
  /// Throws: Error if the links do not have such a number of workers (Links::Split), or `only` is
  /// not among its algorithms or does not reach that far.
  AllReduceModel(const Links& links, int workers, std::optional<Algorithm> only = {});

  /// With the algorithm that is fastest for so many bytes; 0 ms for one worker.
  AllReduceTime Best(int64_t bytes) const;
  /// With one of the system's algorithms.
  double Milliseconds(Algorithm algorithm, int64_t bytes) const;
  /// Latency alone, in microseconds.
  double LatencyMicroseconds(Algorithm algorithm) const;

  /// Those that reach all workers.
  const std::vector<AlgorithmCost>& algorithms() const { return algorithms_; }

 private:
  double Milliseconds(const AlgorithmCost& cost, int64_t bytes) const;
  double Latency(const AlgorithmCost& cost) const;
  const AlgorithmCost& Find(Algorithm algorithm) const;

  int workers_;
  std::vector<int> groups_;  // by level
  std::vector<AlgorithmCost> algorithms_;
};

}  // namespace convoy
