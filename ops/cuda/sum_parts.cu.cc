// Adds up partial sums: (chunks, N) to (N).
#include "ops/sum_parts.h"

#include "core/cuda/stream.h"
#include "ops/cuda/columns.h"
#include "ops/cuda/map_plan.h"

namespace convoy {
namespace {

constexpr int kLanes = 8;  // narrow tiles: N is thousands at most, and every block counts

void SumParts(const View& parts, const GradTarget& to) {
  const cudaStream_t stream = cuda::Use(to.tensor.device());
  const int64_t chunks = parts.dim(0), n = to.tensor.numel();
  DispatchFloating(to.tensor.dtype(), "SumParts", [&]<typename T>(T) {
    using C = ComputeType<T>;
    constexpr int N = cuda::kPackElements<C>;
    const bool packs =
        n % N == 0 && cuda::IsAlignedFor(parts, N) && cuda::IsAlignedFor(to.tensor, N);
    const cuda::ColumnTiles tiles(1, chunks, n, N, packs, kLanes);
    cuda::ReduceColumns<cuda::SumReduction, N, C>(
        tiles, cuda::PlainColumns<C, N>{parts.data<C>(), n},
        cuda::StoreResult<T, C, N>{to.tensor.data<T>(), n, 1, to.accumulate}, stream);
  });
}

CONVOY_REGISTER_KERNEL(sum_parts, kCuda, SumParts);

}  // namespace
}  // namespace convoy
