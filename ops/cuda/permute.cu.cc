// Kernels of Transpose and Permute: runs that stay contiguous are gathered, everything else goes
// through tiles in shared memory, for elements of 1 to 16 bytes whatever their dtype.
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"
#include "ops/cuda/divider.h"
#include "ops/cuda/units.h"
#include "ops/permute_plan.h"
#include "ops/shape_kernels.h"

namespace convoy {
namespace {

constexpr int kThreads = 256;
constexpr int kUnits = 4;              // of a thread that gathers: read before the first is written
constexpr int64_t kLeastForTiles = 4;  // with shorter sides, tiles would be nearly empty

// Dimensions of the result, innermost first, and where a step along them leads in x and y.
struct Steps {
  int ndim = 0;
  cuda::Divider extents[Shape::kMaxDims];
  int64_t from_strides[Shape::kMaxDims] = {};
  int64_t to_strides[Shape::kMaxDims] = {};
};

Steps StepsOf(const PermutePlan& plan) {
  Steps steps;
  for (int i = plan.ndim; i-- > 0; ++steps.ndim) {
    steps.extents[steps.ndim] = cuda::Divider(plan[i].extent);
    steps.from_strides[steps.ndim] = plan[i].from_stride;
    steps.to_strides[steps.ndim] = plan[i].to_stride;
  }
  return steps;
}

struct Offsets {
  int64_t from = 0, to = 0;
};

// Of the index tuple number i.
__device__ __forceinline__ Offsets OffsetsOf(const Steps& steps, int64_t i) {
  Offsets offsets;
  CONVOY_UNROLL
  for (int d = 0; d < Shape::kMaxDims; ++d) {  // unrolled: no indexing of parameters at run time
    if (d >= steps.ndim) break;
    const int64_t quotient = steps.extents[d].Quotient(i);
    const int64_t index = i - quotient * steps.extents[d].divisor();
    offsets.from += index * steps.from_strides[d];
    offsets.to += index * steps.to_strides[d];
    i = quotient;
  }
  return offsets;
}

// y in order, each element from where it lies in x.
template <typename U>
__global__ void __launch_bounds__(kThreads)
    GatherKernel(const U* from, Steps steps, int64_t n, U* to) {
  const int64_t first = int64_t{blockIdx.x} * kThreads * kUnits + threadIdx.x;
  U units[kUnits];
  for (int k = 0; k < kUnits; ++k) {
    const int64_t i = first + k * kThreads;
    if (i < n) units[k] = from[OffsetsOf(steps, i).from];
  }
  for (int k = 0; k < kUnits; ++k) {
    const int64_t i = first + k * kThreads;
    if (i < n) to[i] = units[k];
  }
}

// Rows and columns of a tile: a warp reads and writes 64 bytes in a row at least.
template <typename U>
constexpr int kTile = sizeof(U) < 4 ? 64 : 32;
// Elements from one row of a tile to the next: a column's lie in different banks.
template <typename U>
constexpr int kPitch = kTile<U> + (sizeof(U) < 4 ? 4 / static_cast<int>(sizeof(U)) : 1);

// Tiles of a matrix that is contiguous along `rows` in x and along `columns` in y.
struct Tiles {
  int64_t rows, columns;
  int64_t from_stride;  // of a step along columns
  int64_t to_stride;    // of a step along rows
  cuda::Divider row_tiles, column_tiles;
  Steps outer;
};

template <typename U>
__global__ void __launch_bounds__(kThreads) TransposeKernel(const U* x, Tiles tiles, U* y) {
  constexpr int kLanes = 32, kStep = kThreads / kLanes;
  const int64_t across = tiles.row_tiles.Quotient(blockIdx.x);
  const int64_t outer = tiles.column_tiles.Quotient(across);
  const int64_t row = (blockIdx.x - across * tiles.row_tiles.divisor()) * kTile<U>;
  const int64_t column = (across - outer * tiles.column_tiles.divisor()) * kTile<U>;
  const Offsets offsets = OffsetsOf(tiles.outer, outer);
  const U* from = x + offsets.from + row + column * tiles.from_stride;
  U* to = y + offsets.to + column + row * tiles.to_stride;
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const int line = static_cast<int>(threadIdx.x) / kLanes;
  U* tile = cuda::DynamicShared<U>();  // (columns, rows)
  CONVOY_UNROLL
  for (int c = 0; c < kTile<U>; c += kStep) {
    CONVOY_UNROLL
    for (int r = 0; r < kTile<U>; r += kLanes) {
      if (column + c + line < tiles.columns && row + r + lane < tiles.rows) {
        tile[(c + line) * kPitch<U> + r + lane] = from[r + lane + (c + line) * tiles.from_stride];
      }
    }
  }
  __syncthreads();
  CONVOY_UNROLL
  for (int r = 0; r < kTile<U>; r += kStep) {
    CONVOY_UNROLL
    for (int c = 0; c < kTile<U>; c += kLanes) {
      if (column + c + lane < tiles.columns && row + r + line < tiles.rows) {
        to[c + lane + (r + line) * tiles.to_stride] = tile[(c + lane) * kPitch<U> + r + line];
      }
    }
  }
}

void Gather(const PermutePlan& plan, int64_t size, const View& x, const View& y,
            cudaStream_t stream) {
  const int64_t n = plan.Numel();
  cuda::DispatchUnit(size, [&]<typename U>(U) {
    cuda::Launch(GatherKernel<U>, cuda::BlocksFor(n, kThreads, kUnits), kThreads, 0, stream,
                 static_cast<const U*>(x.raw_data()), StepsOf(plan), n,
                 static_cast<U*>(y.raw_data()));
  });
}

// The plan in units of up to 16 bytes instead of elements of `size`: runs stay contiguous, so every
// stride beside theirs is a multiple of a run.
int64_t WidenRuns(PermutePlan& plan, int64_t size, const View& x, const View& y) {
  PermuteDim& run = plan.back();
  const int64_t unit = cuda::UnitFor({static_cast<uint64_t>(run.extent * size),
                                      cuda::Address(x.raw_data()), cuda::Address(y.raw_data())});
  run.extent = run.extent * size / unit;
  for (int i = 0; i + 1 < plan.ndim; ++i) {
    PermuteDim& dim = plan.dims[static_cast<size_t>(i)];
    dim.from_stride = dim.from_stride * size / unit;
    dim.to_stride = dim.to_stride * size / unit;
  }
  return unit;
}

void PermuteOnCuda(const View& x, const std::vector<int>& axes, const View& y) {
  const cudaStream_t stream = cuda::Use(x.device());
  if (x.numel() == 0) return;
  PermutePlan plan = PlanPermute(x, axes);
  if (plan.ndim <= 1) return y.CopyFrom(x);
  int64_t size = plan.WidenElements(static_cast<int64_t>(SizeOf(x.dtype())), /*widest=*/16,
                                    x.raw_data(), y.raw_data());
  if (plan.back().from_stride == 1) {
    size = WidenRuns(plan, size, x, y);
    return Gather(plan, size, x, y, stream);
  }
  const PermuteDim columns = plan.back();
  const int inner = plan.InnerOfX();
  const PermuteDim rows = plan[inner];
  if (rows.extent < kLeastForTiles || columns.extent < kLeastForTiles) {
    return Gather(plan, size, x, y, stream);
  }
  plan.Erase(plan.ndim - 1);
  plan.Erase(inner);
  cuda::DispatchUnit(size, [&]<typename U>(U) {
    const int64_t row_tiles = (rows.extent + kTile<U> - 1) / kTile<U>;
    const int64_t column_tiles = (columns.extent + kTile<U> - 1) / kTile<U>;
    const Tiles tiles = {rows.extent,    columns.extent,           columns.from_stride,
                         rows.to_stride, cuda::Divider(row_tiles), cuda::Divider(column_tiles),
                         StepsOf(plan)};
    const auto grid = static_cast<unsigned>(plan.Numel() * row_tiles * column_tiles);
    cuda::Launch(TransposeKernel<U>, grid, kThreads, kTile<U> * kPitch<U> * sizeof(U), stream,
                 static_cast<const U*>(x.raw_data()), tiles, static_cast<U*>(y.raw_data()));
  });
}

CONVOY_REGISTER_KERNEL(permute, kCuda, PermuteOnCuda);

}  // namespace
}  // namespace convoy
