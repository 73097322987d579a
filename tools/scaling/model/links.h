// What connects the workers of a system: levels of links, and what allreduces on them cost.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::scaling {

/// How an allreduce moves its bytes.
enum class Algorithm : uint8_t {
  kRing,       ///< NCCL's ring over all workers
  kTree,       ///< NCCL's double binary tree over nodes, chains inside
  kTwoLevel,   ///< reduce-scatter inside, halving and doubling across, allgather inside
  kNvls,       ///< NVLink switches that sum; across nodes, InfiniBand switches that do (SHARP)
  kNvlsTree,   ///< NVLink switches inside, a tree across
  kDirect,     ///< Convoy's over Gloo: everybody sends directly to everybody, in two hops
  kInProcess,  ///< Convoy's between threads: the workers' own cores sum in shared memory
};

/// "ring", "tree", "two-level", "nvls", "nvls-tree", "direct", "inprocess".
std::string_view Name(Algorithm algorithm);
/// Throws: Error that starts with `where` and names the known ones.
Algorithm AlgorithmNamed(const std::string& name, const std::string& where);

/// A kind of link. At the innermost level its members are workers; at the others, the groups of the
/// level before (nodes, racks).
struct LinkLevel {
  std::string name;       ///< "NVLink"
  int members = 0;        ///< of one group at most; 0: any number, at the outermost level only
  double gb_per_s = 0;    ///< goodput of a member, over all its links into the level together, in
                          ///< one direction while the other is as busy, in 1e9 bytes a second: what
                          ///< nccl-tests calls bus bandwidth
  double latency_us = 0;  ///< of one hop, including the software's
  std::string where;      ///< "[links] FILE:LINE", for messages
};

/// The cost of an algorithm on a system.
struct AlgorithmCost {
  Algorithm algorithm = Algorithm::kRing;
  double base_us = 0;  ///< of a call, whatever its size
  /// Latency of a hop and bandwidth as in LinkLevel, by level. The algorithm does not work across
  /// levels beyond these.
  std::vector<double> latency_us;
  std::vector<double> gb_per_s;
  double sum_gb_per_s = 0;  ///< at which a worker reads what it adds up; 0: no limit
  /// Messages to several workers share a link and do not end together: how much later the last one
  /// ends, as a share of the time that all take.
  double uneven = 0;
};

struct Links {
  std::string name;                       ///< "8 H100 a node, NDR400"
  std::string source;                     ///< where the figures are from
  std::vector<LinkLevel> levels;          ///< from the innermost out
  std::vector<AlgorithmCost> algorithms;  ///< those that the system has; at least one

  /// How many members meet at each level if there are `workers`: {8, 64} for 512 workers in nodes
  /// of 8. Throws: Error naming the level if they do not fill whole groups, or go beyond the last.
  std::vector<int> Split(int workers) const;
};

/// Reads a links file (tools/scaling/README.md). Throws: Error `[links] FILE:LINE: ...`.
Links ReadLinks(const std::string& path);
Links ParseLinks(std::string_view text, const std::string& path);

/// The built-in links of that name ("dgx-h100-ndr400") or, if there are none, a file.
/// Throws: Error that names those that are built in, or as ReadLinks does.
Links FindLinks(const std::string& name_or_path);
std::vector<std::string> BuiltInLinks();

}  // namespace convoy::scaling
