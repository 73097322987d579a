// How long an allreduce takes: latency and bandwidth of every algorithm, by level of links.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tools/scaling/model/links.h"

namespace convoy::scaling {

struct AllReduceTime {
  Algorithm algorithm = Algorithm::kRing;
  double ms = 0;
};

/// Times of allreduces over n workers, which are in groups of g1, g2, ... by level (n = g1 g2 ...).
/// With S bytes, latencies of a hop L1, L2, ... and bandwidths B1, B2, ... they are, on two levels:
///
///     ring       base + 2 (n - g2) L1 + 2 (g2 - 1) L2      + 2 (n - 1) / n S / min(B1, B2)
///     tree       base + 2 (g1 - 1) L1 + 2 log2(g2) L2      + 2 (n - 1) / n S / min(B1, B2)
///     nvls       base + L1 + L2                            + 2 (n - 1) / n S / min(B1, B2)
///     nvls-tree  base + L1 + 2 log2(g2) L2                 + 2 (n - 1) / n S / min(B1, B2)
///     two-level  3 base + 2 (g1 - 1) L1 + 2 log2(g2) L2    + 2 (g1 - 1) / g1 S / B1
///                                                          + 2 (g2 - 1) / g2 S / B2
///     direct     base + 3 L2 + sum             + (1 + u) * max(2 (n - 1) / n S / B1,
///                                                              2 g1 (n - g1) / n S / B2)
///     inprocess  base + 2 (n - 1) / n S / B1
///
/// Levels at which only one member meets cost nothing. The first four are NCCL's own model
/// (src/graph/tuning.cc, protocol Simple) with bus bandwidths as nccl-tests measures them; for
/// trees NCCL counts 2 instead of 2 (n - 1) / n. The fifth is Rabenseifner's, by level (Thakur,
/// Rabenseifner and Gropp, "Optimization of Collective Communication Operations in MPICH", 2005),
/// its phases one after the other. The last two are Convoy's own: `direct` is MeshCollectives of
/// parallel/transport/gloo. Each worker sends as much in each of two hops, and the second follows
/// the first segment by segment; a receiver's readiness, a term and the sum travel one after the
/// other (3 L), and the last segment is summed while nothing travels (sum). With more than two
/// workers a hop's messages share links, and the first segment of one hop and the last of the other
/// wait for the slowest of them: u is AlgorithmCost::uneven, for parts of several segments only one
/// segment's share of it. Up to 32 KiB over all workers, every worker sends all it has to every
/// other: base + 2 L2 + sum + (n - 1) S / B1, or g1 (n - g1) S / B2.
class AllReduceModel {
 public:
  /// Throws: Error if the links do not have such a number of workers (Links::Split), if no
  /// algorithm reaches all of them, or if `only` is not among those or does not.
  AllReduceModel(const Links& links, int workers, std::optional<Algorithm> only = {});

  /// The time with the algorithm that is fastest for so many bytes. 0 ms for one worker.
  AllReduceTime Best(int64_t bytes) const;
  /// The time with one of algorithms().
  double Milliseconds(Algorithm algorithm, int64_t bytes) const;
  /// The part of it that does not depend on bytes, in microseconds.
  double LatencyMicroseconds(Algorithm algorithm) const;

  /// The algorithms that reach all workers, or `only`.
  const std::vector<AlgorithmCost>& algorithms() const { return algorithms_; }

 private:
  const AlgorithmCost& Find(Algorithm algorithm) const;
  double Latency(const AlgorithmCost& cost) const;                 // microseconds
  double Transfer(const AlgorithmCost& cost, double bytes) const;  // microseconds
  double Direct(const AlgorithmCost& cost, double bytes) const;
  double Microseconds(const AlgorithmCost& cost, int64_t bytes) const;

  int workers_;
  std::vector<int> groups_;  // by level
  std::vector<AlgorithmCost> algorithms_;
};

}  // namespace convoy::scaling
