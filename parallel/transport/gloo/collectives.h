// The collectives over a mesh of connections: everybody sends directly to everybody.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "parallel/group/collective_call.h"
#include "parallel/transport/gloo/mesh.h"

namespace convoy::transport {

/// Runs collectives, one after the other, on one thread.
///
/// An allreduce is a reduce-scatter and an allgather: worker r sums part r of the tensor, and sends
/// the result to all. It moves as many bytes as a ring does, 2 (n - 1) / n of the tensor, in two
/// hops rather than 2 (n - 1), and adds in rank order: the bits are those of the in-process
/// transport, bf16 and f16 are rounded once, and nothing depends on how messages are cut. Parts are
/// cut into segments, so that one is summed while the next one travels. Small tensors go to
/// everybody whole, in one hop.
class MeshCollectives {
 public:
  explicit MeshCollectives(Mesh& mesh) : mesh_(mesh) {}

  /// Returns when this worker's part is done. `slot`, the same on all workers, is this collective's
  /// own; its lower kSlotBits bits are zero. Throws: ::gloo::Exception or MeshAborted.
  void Run(const CollectiveCall& call, uint64_t slot);

  static constexpr int kSlotBits = 20;

 private:
  // Part r of a tensor, for every r: `begin[r]` to `begin[r + 1]`, in elements.
  using Parts = std::vector<int64_t>;

  void AllReduce(const CollectiveCall& call, uint64_t slot);
  void AllReduceWhole(const CollectiveCall& call, uint64_t slot);
  void ReduceScatter(const CollectiveCall& call, uint64_t slot);
  void AllGather(const CollectiveCall& call, uint64_t slot);
  void AllToAll(const CollectiveCall& call, uint64_t slot);
  void Broadcast(const CollectiveCall& call, uint64_t slot);
  void Barrier(uint64_t slot);

  Parts Split(int64_t numel, size_t element_bytes) const;

  Mesh& mesh_;
  std::vector<std::byte> scratch_;  // what the others send to be summed; grows
};

}  // namespace convoy::transport
