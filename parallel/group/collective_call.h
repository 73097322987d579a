// One worker's call of a collective, as every transport is handed it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/tensor.h"
#include "parallel/group/signature.h"

namespace convoy {

struct CollectiveCall {
  CollectiveKind kind = CollectiveKind::kBarrier;
  Tensor input;   ///< undefined for a barrier
  Tensor output;  ///< as `input` where the collective works in place
  ReduceOp op = ReduceOp::kSum;
  int root = 0;           ///< of a broadcast; of a message: the other worker
  int tag = 0;            ///< of a message
  std::string_view what;  ///< for messages: "bucket 3 (...)"; may be empty
  uint64_t id = 0;        ///< in the group's flight recorder
};

CollectiveSignature SignatureOf(const CollectiveCall& call);

/// Whether a collective is of a kind that cannot end on one worker without all others.
bool NeedsAll(const CollectiveCall& call);

/// "bucket 3 (fc1.weight), AllReduce of f32 4096 (16.0 KiB)"
std::string DescribeCall(const CollectiveCall& call);

}  // namespace convoy
