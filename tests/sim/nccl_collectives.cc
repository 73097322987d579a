// The fake NCCL's operations, as a stream's thread runs them.
#include "tests/sim/nccl_collectives.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>

namespace convoy::sim {
namespace {

float Widen(__half value) { return __half2float(value); }
float Widen(__nv_bfloat16 value) { return __bfloat162float(value); }
template <typename T>
T Widen(T value) {
  return value;
}

template <typename T, typename C>
T Narrow(C value) {
  if constexpr (std::is_same_v<T, __half>) {
    return __float2half_rn(value);
  } else if constexpr (std::is_same_v<T, __nv_bfloat16>) {
    return __float2bfloat16_rn(value);
  } else {
    return static_cast<T>(value);
  }
}

// out[i] = ranks' values at `offset` + i, rank 0's first.
template <typename T>
void Reduce(const NcclLink& link, ncclRedOp_t op, size_t offset, T* out, size_t n) {
  using C = decltype(Widen(T{}));
  const auto at = [&](int r) { return reinterpret_cast<const T*>(link.area(r)) + offset; };
  for (size_t i = 0; i < n; ++i) {
    C sum = Widen(at(0)[i]);
    for (int r = 1; r < link.size(); ++r) {
      const C next = Widen(at(r)[i]);
      switch (op) {
        case ncclMax:
          sum = sum < next ? next : sum;
          break;
        case ncclMin:
          sum = next < sum ? next : sum;
          break;
        default:
          sum = static_cast<C>(sum + next);
      }
    }
    out[i] = Narrow<T>(sum);
  }
}

void ReduceAny(const NcclLink& link, const NcclCall& call, size_t offset, void* out, size_t n) {
  const auto reduce = [&]<typename T>(T) {
    Reduce<T>(link, call.op, offset, static_cast<T*>(out), n);
  };
  switch (call.type) {
    case ncclInt8:
      return reduce(int8_t{});
    case ncclUint8:
      return reduce(uint8_t{});
    case ncclInt32:
      return reduce(int32_t{});
    case ncclUint32:
      return reduce(uint32_t{});
    case ncclInt64:
      return reduce(int64_t{});
    case ncclUint64:
      return reduce(uint64_t{});
    case ncclFloat16:
      return reduce(__half{});
    case ncclFloat32:
      return reduce(float{});
    case ncclFloat64:
      return reduce(double{});
    case ncclBfloat16:
      return reduce(__nv_bfloat16{});
    default:
      return;
  }
}

// Elements [begin, begin + n) of each part, through the ranks' areas.
bool RunChunk(NcclLink& link, const NcclCall& call, size_t begin, size_t n) {
  const size_t element = SizeOf(call.type), bytes = n * element;
  const size_t size = static_cast<size_t>(link.size()), me = static_cast<size_t>(link.rank());
  const auto* from = static_cast<const std::byte*>(call.from);
  auto* to = static_cast<std::byte*>(call.to);
  const auto part = [&](size_t p) { return (p * call.count + begin) * element; };
  const bool divided = call.kind == NcclKind::kReduceScatter || call.kind == NcclKind::kAlltoAll;
  const bool shows = call.kind != NcclKind::kBroadcast || call.peer == link.rank();
  std::byte* mine = link.area(link.rank());
  if (divided) {
    for (size_t p = 0; p < size; ++p) std::memcpy(mine + p * bytes, from + part(p), bytes);
  } else if (shows) {
    std::memcpy(mine, from + part(0), bytes);
  }
  if (!link.Barrier()) return false;
  switch (call.kind) {
    case NcclKind::kAllReduce:
      ReduceAny(link, call, 0, to + part(0), n);
      break;
    case NcclKind::kReduceScatter:
      ReduceAny(link, call, me * n, to + part(0), n);
      break;
    case NcclKind::kBroadcast:
      std::memcpy(to + part(0), link.area(call.peer), bytes);
      break;
    case NcclKind::kAllGather:
      for (size_t r = 0; r < size; ++r) {
        std::memcpy(to + part(r), link.area(static_cast<int>(r)), bytes);
      }
      break;
    case NcclKind::kAlltoAll:
      for (size_t r = 0; r < size; ++r) {
        std::memcpy(to + part(r), link.area(static_cast<int>(r)) + me * bytes, bytes);
      }
      break;
    default:
      break;
  }
  return link.Barrier();
}

}  // namespace

size_t SizeOf(ncclDataType_t type) {
  switch (type) {
    case ncclInt8:
    case ncclUint8:
      return 1;
    case ncclFloat16:
    case ncclBfloat16:
      return 2;
    case ncclInt32:
    case ncclUint32:
    case ncclFloat32:
      return 4;
    case ncclInt64:
    case ncclUint64:
    case ncclFloat64:
      return 8;
    default:
      return 0;
  }
}

ncclResult_t RunCollective(NcclLink& link, const NcclCall& call) {
  link.Announce({.kind = static_cast<int32_t>(call.kind),
                 .type = static_cast<int32_t>(call.type),
                 .op = static_cast<int32_t>(call.op),
                 .root = call.peer,
                 .count = call.count,
                 .registered = call.registered});
  if (!link.Barrier()) return ncclSuccess;
  const bool agree = link.AllAgree();
  if (!link.Barrier()) return ncclSuccess;
  if (!agree) return ncclInvalidUsage;
  const size_t chunk = NcclLink::kAreaBytes / SizeOf(call.type) / static_cast<size_t>(link.size());
  for (size_t begin = 0; begin < call.count; begin += chunk) {
    if (!RunChunk(link, call, begin, std::min(chunk, call.count - begin))) break;
  }
  return ncclSuccess;
}

ncclResult_t RunMessages(NcclLink& link, const std::vector<NcclCall>& calls) {
  std::vector<size_t> done(calls.size());  // bytes
  const auto total = [&](size_t i) { return calls[i].count * SizeOf(calls[i].type); };
  // Messages between two ranks keep their order: of those to or from one, only the first moves.
  const auto blocked = [&](size_t i) {
    for (size_t before = 0; before < i; ++before) {
      if (calls[before].kind == calls[i].kind && calls[before].peer == calls[i].peer &&
          done[before] < total(before)) {
        return true;
      }
    }
    return false;
  };
  while (true) {
    bool all = true, moved = false;
    for (size_t i = 0; i < calls.size(); ++i) {
      const NcclCall& call = calls[i];
      if (done[i] == total(i)) continue;
      all = false;
      if (blocked(i)) continue;
      const size_t left = total(i) - done[i];
      if (call.kind == NcclKind::kSend) {
        const size_t bytes = std::min(left, NcclLink::kChannelBytes);
        if (!link.Offer(call.peer, static_cast<const std::byte*>(call.from) + done[i], bytes)) {
          continue;
        }
        done[i] += bytes;
      } else {
        const size_t bytes = link.Take(call.peer, static_cast<std::byte*>(call.to) + done[i], left);
        if (bytes > left) return ncclInvalidUsage;
        if (bytes == 0) continue;
        done[i] += bytes;
      }
      moved = true;
    }
    if (all || link.aborted()) return ncclSuccess;
    if (!moved) usleep(50);
  }
}

}  // namespace convoy::sim
