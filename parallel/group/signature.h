// What the workers of a collective must agree on, without its tensors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/dtype.h"

namespace convoy {

/// How a collective combines the workers' elements. NaN of any worker gives NaN; only NCCL's own
/// maximum and minimum, on GPUs, may pass over it.
enum class ReduceOp : uint8_t { kSum, kMax, kMin };

enum class CollectiveKind : uint8_t {
  kAllReduce,
  kBroadcast,
  kAllGather,
  kReduceScatter,
  kAllToAll,
  kBarrier,
  kSend,
  kRecv,
  kReplay,  ///< of a recorded step (ProcessGroup::Watch)
};

std::string_view Name(CollectiveKind kind);
std::string_view Name(ReduceOp op);

/// What two workers must agree on in a collective that all take part in.
struct CollectiveSignature {
  CollectiveKind kind = CollectiveKind::kBarrier;
  ReduceOp op = ReduceOp::kSum;
  DType dtype = DType::kF32;
  int root = 0;
  int64_t numel = -1;  ///< of the input; -1: no tensor

  bool operator==(const CollectiveSignature&) const = default;
};

/// "[AllReduce] workers disagree on collective 7: worker 0 f32 (1024), worker 2 f32 (512)": kind,
/// operation and root where they are what differs. The texts are the tensors' shapes, or empty for
/// "N elements".
std::string DescribeMismatch(uint64_t number, int worker_a, const CollectiveSignature& a,
                             const std::string& shape_a, int worker_b, const CollectiveSignature& b,
                             const std::string& shape_b);

}  // namespace convoy
