// The fake NCCL's operations, as a stream's thread runs them.
#pragma once

#include <nccl.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/sim/nccl_link.h"

namespace convoy::sim {

enum class NcclKind : int32_t {
  kAllReduce,
  kBroadcast,
  kAllGather,
  kReduceScatter,
  kAlltoAll,
  kSend,
  kRecv,
};

struct NcclCall {
  NcclKind kind = NcclKind::kAllReduce;
  const void* from = nullptr;
  void* to = nullptr;
  size_t count = 0;
  ncclDataType_t type = ncclFloat32;
  ncclRedOp_t op = ncclSum;
  int peer = 0;  ///< root, or the other end of a message
  bool registered = false;
};

size_t SizeOf(ncclDataType_t type);  ///< 0 for types that the fake does not know

/// Runs a collective with the other ranks, in rank order, bf16 and f16 added up in f32. Returns
/// what becomes the communicator's state: ncclInvalidUsage if the ranks disagree (a real library
/// may hang, or mix up memory), ncclSuccess also if it was aborted.
ncclResult_t RunCollective(NcclLink& link, const NcclCall& call);

/// Runs messages that were grouped: all make progress together. ncclInvalidUsage if a message is
/// longer than its receiver expects.
ncclResult_t RunMessages(NcclLink& link, const std::vector<NcclCall>& calls);

}  // namespace convoy::sim
