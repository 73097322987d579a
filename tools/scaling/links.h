// What connects the workers of a system: levels of links, and what allreduces on them cost.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

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
/// Throws: Error that starts with `where` and names those there are.
Algorithm AlgorithmNamed(const std::string& name, const std::string& where);

/// A kind of link. Its members are workers at the innermost level, and what the level before joins
/// (nodes, racks) at the others.
struct LinkLevel {
  std::string name;       ///< "NVLink"
  int members = 0;        ///< that one group has at most; 0, at the outermost level: any number
  double gb_per_s = 0;    ///< goodput of a member, over all its links into the level together, in
                          ///< one direction while the other is as busy, in 1e9 bytes a second: what
                          ///< nccl-tests calls bus bandwidth
  double latency_us = 0;  ///< of one hop, software included
  std::string where;      ///< "[links] FILE:LINE", for messages
};

/// What an algorithm costs on a system.
struct AlgorithmCost {
  Algorithm algorithm = Algorithm::kRing;
  double base_us = 0;  ///< of a call, however few its bytes
  /// Of a hop, and as LinkLevel::gb_per_s, by level. It reaches no level beyond these.
  std::vector<double> latency_us;
  std::vector<double> gb_per_s;
  double sum_gb_per_s = 0;  ///< at which a worker reads what it adds; 0: as fast as it comes
  /// Messages to several workers share a link, and do not end together: by how much the last one is
  /// behind, of the time that all take.
  double uneven = 0;
};

struct Links {
  std::string name;                       ///< "8 H100 a node, NDR400"
  std::string source;                     ///< where the figures are from
  std::vector<LinkLevel> levels;          ///< from the innermost out
  std::vector<AlgorithmCost> algorithms;  ///< that the system has; at least one

  /// The members that meet at each level if there are `workers`: {8, 64} for 512 workers in nodes
  /// of 8. Throws: Error naming the level if they do not fill whole groups, or go beyond the last.
  std::vector<int> Split(int workers) const;
};

/// Reads a links file (tools/scaling/README.md). Throws: Error `[links] FILE:LINE: ...`.
Links ReadLinks(const std::string& path);
Links ParseLinks(std::string_view text, const std::string& path);

/// A file, or one that is built in, by its name: "dgx-h100-ndr400".
/// Throws: Error that names those that are built in, or as ReadLinks does.
Links FindLinks(const std::string& name_or_path);
std::vector<std::string> BuiltInLinks();

}  // namespace convoy
