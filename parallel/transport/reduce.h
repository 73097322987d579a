// The one kernel of reducing collectives: several inputs, element by element, into several outputs.
#pragma once

#include <cstdint>
#include <span>

#include "core/dtype.h"
#include "parallel/group/process_group.h"

namespace convoy::transport {

/// out[o][out_offset + i] = in[0][in_offset + i] op in[1][in_offset + i] op ... for i in [0, n) and
/// every o, in the order of the inputs; offsets are in elements. An output may be one of the
/// inputs. bf16 and f16 are computed in f32 and rounded once. Any dtype but bool.
void ReduceInOrder(DType dtype, ReduceOp op, std::span<void* const> in, int64_t in_offset,
                   std::span<void* const> out, int64_t out_offset, int64_t n);

}  // namespace convoy::transport
