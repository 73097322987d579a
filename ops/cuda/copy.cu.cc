// Kernels that copy a slice out of a tensor or into one.
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"
#include "ops/cuda/divider.h"
#include "ops/cuda/map_plan.h"
#include "ops/cuda/units.h"
#include "ops/shape_kernels.h"

namespace convoy {
namespace {

constexpr int kThreads = 256;
constexpr int kUnits = 4;  // of a thread: read before the first is written

// A slice of each of `outer` rows, in some unit: rows of the whole are `whole_row` long, in which
// the slice takes `slice_row` from `begin` on.
struct Rows {
  int64_t outer, whole_row, slice_row, begin;
};

Rows RowsOf(const SliceRange& range) {
  return {range.outer, range.extent * range.inner, (range.end - range.begin) * range.inner,
          range.begin * range.inner};
}

Rows InUnits(const Rows& rows, int64_t element, int64_t unit) {
  return {rows.outer, rows.whole_row * element / unit, rows.slice_row * element / unit,
          rows.begin * element / unit};
}

// The widest unit in which every row of the slice can be moved.
int64_t UnitOf(const Rows& rows, const View& whole, const View& part) {
  const uint64_t size = SizeOf(whole.dtype());
  return cuda::UnitFor({static_cast<uint64_t>(rows.whole_row) * size,
                        static_cast<uint64_t>(rows.slice_row) * size,
                        static_cast<uint64_t>(rows.begin) * size, cuda::Address(whole.raw_data()),
                        cuda::Address(part.raw_data())});
}

// Where element i of n lies: in rows of `length`, that start `from_row` and `to_row` apart.
struct RowCopy {
  cuda::Divider length;
  int64_t n, from_row, to_row;
};

template <typename U>
__global__ void __launch_bounds__(kThreads) CopyRowsKernel(const U* from, RowCopy copy, U* to) {
  const int64_t first = int64_t{blockIdx.x} * kThreads * kUnits + threadIdx.x;
  U units[kUnits];
  int64_t target[kUnits];
  CONVOY_UNROLL
  for (int k = 0; k < kUnits; ++k) {
    const int64_t i = first + k * kThreads;
    if (i >= copy.n) break;
    const int64_t row = copy.length.Quotient(i), column = i - row * copy.length.divisor();
    units[k] = from[row * copy.from_row + column];
    target[k] = row * copy.to_row + column;
  }
  CONVOY_UNROLL
  for (int k = 0; k < kUnits; ++k) {
    if (first + k * kThreads < copy.n) to[target[k]] = units[k];
  }
}

// to += from, N neighbours a thread.
template <typename T, int N>
__global__ void __launch_bounds__(kThreads) AddRowsKernel(const T* from, RowCopy copy, T* to) {
  const int64_t i = (int64_t{blockIdx.x} * kThreads + threadIdx.x) * N;
  if (i >= copy.n) return;
  const int64_t row = copy.length.Quotient(i), column = i - row * copy.length.divisor();
  T* target = to + row * copy.to_row + column;
  const auto added = cuda::LoadPack<N>(from + row * copy.from_row + column);
  auto sum = cuda::LoadPack<N>(static_cast<const T*>(target));
  for (int k = 0; k < N; ++k) {
    sum[k] = cuda::Round<T>(cuda::Widen(sum[k]) + cuda::Widen(added[k]));
  }
  cuda::StorePack(target, sum);
}

// The whole, in order: from the slice, or 0.
template <typename U>
__global__ void __launch_bounds__(kThreads)
    SpreadRowsKernel(const U* part, cuda::Divider whole_row, int64_t n, int64_t begin,
                     int64_t slice_row, U* whole) {
  const int64_t first = int64_t{blockIdx.x} * kThreads * kUnits + threadIdx.x;
  U units[kUnits];
  CONVOY_UNROLL
  for (int k = 0; k < kUnits; ++k) {
    const int64_t i = first + k * kThreads;
    if (i >= n) break;
    const int64_t row = whole_row.Quotient(i), column = i - row * whole_row.divisor() - begin;
    units[k] = column >= 0 && column < slice_row ? part[row * slice_row + column] : U{};
  }
  CONVOY_UNROLL
  for (int k = 0; k < kUnits; ++k) {
    if (first + k * kThreads < n) whole[first + k * kThreads] = units[k];
  }
}

enum class Direction { kTake, kPut };

// Copies or adds the slice of `whole` to `part`, or the converse.
void Move(Direction direction, const View& whole, const View& part, const SliceRange& range,
          bool add) {
  const cudaStream_t stream = cuda::Use(whole.device());
  if (part.numel() == 0) return;
  const Rows elements = RowsOf(range);
  const int64_t element = static_cast<int64_t>(SizeOf(whole.dtype()));
  const int64_t unit = UnitOf(elements, whole, part);
  const auto run = [&]<typename U>(const Rows& rows, auto&& launch, U) {
    U* in_whole = static_cast<U*>(whole.raw_data()) + rows.begin;
    U* in_part = static_cast<U*>(part.raw_data());
    const bool take = direction == Direction::kTake;
    const RowCopy copy = {cuda::Divider(rows.slice_row), rows.outer * rows.slice_row,
                          take ? rows.whole_row : rows.slice_row,
                          take ? rows.slice_row : rows.whole_row};
    launch(static_cast<const U*>(take ? in_whole : in_part), copy, take ? in_part : in_whole);
  };
  if (!add) {
    return cuda::DispatchUnit(unit, [&]<typename U>(U) {
      run(
          InUnits(elements, element, unit),
          [&](const U* from, const RowCopy& copy, U* to) {
            cuda::Launch(CopyRowsKernel<U>, cuda::BlocksFor(copy.n, kThreads, kUnits), kThreads, 0,
                         stream, from, copy, to);
          },
          U{});
    });
  }
  DispatchFloating(whole.dtype(), "Slice", [&]<typename T>(T) {
    run(
        elements,
        [&](const T* from, const RowCopy& copy, T* to) {
          constexpr int N = cuda::kPackElements<T>;
          if (unit == 16) {
            cuda::Launch(AddRowsKernel<T, N>, cuda::BlocksFor(copy.n, kThreads, N), kThreads, 0,
                         stream, from, copy, to);
          } else {
            cuda::Launch(AddRowsKernel<T, 1>, cuda::BlocksFor(copy.n, kThreads), kThreads, 0,
                         stream, from, copy, to);
          }
        },
        T{});
  });
}

void TakeSlice(const View& whole, const SliceRange& range, const GradTarget& part) {
  Move(Direction::kTake, whole, part.tensor, range, part.accumulate);
}

void CopyZeroRest(const View& part, const SliceRange& range, const View& whole) {
  const cudaStream_t stream = cuda::Use(whole.device());
  if (whole.numel() == 0) return;
  const Rows elements = RowsOf(range);
  const int64_t unit = UnitOf(elements, whole, part);
  const Rows rows = InUnits(elements, static_cast<int64_t>(SizeOf(whole.dtype())), unit);
  const int64_t n = rows.outer * rows.whole_row;
  cuda::DispatchUnit(unit, [&]<typename U>(U) {
    cuda::Launch(SpreadRowsKernel<U>, cuda::BlocksFor(n, kThreads, kUnits), kThreads, 0, stream,
                 static_cast<const U*>(part.raw_data()), cuda::Divider(rows.whole_row), n,
                 rows.begin, rows.slice_row, static_cast<U*>(whole.raw_data()));
  });
}

void PutSlice(const View& part, const SliceRange& range, PutMode mode, const View& whole) {
  if (mode == PutMode::kCopyZeroRest) return CopyZeroRest(part, range, whole);
  Move(Direction::kPut, whole, part, range, mode == PutMode::kAdd);
}

CONVOY_REGISTER_KERNEL(take_slice, kCuda, TakeSlice);
CONVOY_REGISTER_KERNEL(put_slice, kCuda, PutSlice);

}  // namespace
}  // namespace convoy
