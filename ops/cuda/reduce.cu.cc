// Kernels of the reductions.
//
// As on the CPU: long dimensions are cut into chunks, and the chunks' results reduced in turn; the
// shape of that tree, and so the bits of a sum, depend on the form only.
#include "core/cuda/stream.h"
#include "core/workspace.h"
#include "ops/cuda/columns.h"
#include "ops/cuda/map_plan.h"
#include "ops/reduce_kernels.h"

namespace convoy {
namespace {

using cuda::MaxReduction;
using cuda::SumReduction;

constexpr int kThreads = 256;
constexpr int64_t kWarpCount = 2048;       // reduced by a warp, if no more
constexpr int64_t kBlockCount = 16 << 10;  // reduced by a block; chunks, if more

// The result of `lanes` neighbouring threads, in the first of them; all threads of the block come
// here. `lanes` is a power of two up to 32, or the block. `shared` has a place for each warp.
template <class R, typename C>
__device__ __forceinline__ C ReduceLanes(C value, int lanes, C* shared) {
  const int in_warp = lanes < cuda::kWarp ? lanes : cuda::kWarp;
  for (int half = in_warp / 2; half > 0; half /= 2) {
    value = R::Combine(value, __shfl_xor_sync(0xffffffffu, value, half));
  }
  if (lanes <= cuda::kWarp) return value;
  if (threadIdx.x % cuda::kWarp == 0) shared[threadIdx.x / cuda::kWarp] = value;
  __syncthreads();
  if (threadIdx.x == 0) {
    for (int warp = 1; warp < kThreads / cuda::kWarp; ++warp) {
      value = R::Combine(value, shared[warp]);
    }
  }
  return value;
}

// y[row, chunk] = reduction of x[row, chunk * length : (chunk + 1) * length] / divisor, each by
// `lanes` threads; x is (rows, count). Shared memory: kThreads / 32 of C.
template <class R, typename T, typename U>
__global__ void __launch_bounds__(kThreads)
    ReduceRowsKernel(const T* x, int64_t rows, int64_t count, int64_t length, int64_t chunks,
                     int lanes, bool packs, ComputeType<T> divisor, U* y) {
  using C = ComputeType<T>;
  constexpr int N = cuda::kPackElements<T>;
  const int lane = static_cast<int>(threadIdx.x) & (lanes - 1);
  const int64_t piece = int64_t{blockIdx.x} * (kThreads / lanes) + threadIdx.x / lanes;
  const bool exists = piece < rows * chunks;
  C values[N];
  for (int k = 0; k < N; ++k) values[k] = R::template Identity<C>();
  if (exists) {
    const int64_t row = chunks == 1 ? piece : piece / chunks;
    const int64_t begin = chunks == 1 ? 0 : piece % chunks * length;
    const int64_t n = count - begin < length ? count - begin : length;
    const T* from = x + row * count + begin;
    if (packs) {
      for (int64_t i = int64_t{lane} * N; i < n; i += int64_t{lanes} * N) {
        const cuda::Pack<T, N> pack = cuda::LoadPack<N>(from + i);
        for (int k = 0; k < N; ++k) values[k] = R::Combine(values[k], cuda::Widen(pack[k]));
      }
    } else {
      for (int64_t i = lane; i < n; i += int64_t{lanes} * N) {
        for (int k = 0; k < N; ++k) {
          const int64_t at = i + k * lanes;
          if (at < n) values[k] = R::Combine(values[k], cuda::Widen(from[at]));
        }
      }
    }
  }
  for (int half = N / 2; half > 0; half /= 2) {
    for (int k = 0; k < half; ++k) values[k] = R::Combine(values[k], values[k + half]);
  }
  const C result = ReduceLanes<R>(values[0], lanes, cuda::DynamicShared<C>());
  if (exists && lane == 0) y[piece] = cuda::Round<U>(result / divisor);
}

int LanesFor(int64_t count, int pack) {
  if (count > kWarpCount) return kThreads;
  int lanes = 1;
  while (lanes < cuda::kWarp && int64_t{lanes} * pack < count) lanes *= 2;
  return lanes;
}

template <class R, typename T, typename U>
void ReduceRows(const T* x, int64_t rows, int64_t count, double divisor, const View& y,
                cudaStream_t stream) {
  using C = ComputeType<T>;
  constexpr int N = cuda::kPackElements<T>;
  const bool packs = count % N == 0 && reinterpret_cast<uintptr_t>(x) % 16 == 0;
  const auto launch = [&]<typename V>(V* to, int64_t chunks, int64_t length, double by) {
    const int lanes = LanesFor(length, N);
    cuda::Launch(ReduceRowsKernel<R, T, V>, cuda::BlocksFor(rows * chunks, kThreads / lanes),
                 kThreads, kThreads / cuda::kWarp * sizeof(C), stream, x, rows, count, length,
                 chunks, lanes, packs, by, to);
  };
  if (count <= kBlockCount) return launch(y.data<U>(), 1, count, divisor);
  const int64_t chunks = (count + kBlockCount - 1) / kBlockCount;
  const Workspace partial = Workspace::Empty({rows, chunks}, {DTypeOf<C>(), y.device()});
  launch(partial.data<C>(), chunks, kBlockCount, 1);
  ReduceRows<R, C, U>(partial.data<C>(), rows, chunks, divisor, y, stream);
}

template <class R, typename T, typename U>
void ReduceTiles(const cuda::ColumnTiles& tiles, const T* from, U* to, double divisor,
                 cudaStream_t stream) {
  using C = ComputeType<T>;
  constexpr int N = cuda::kPackElements<T>;
  cuda::ReduceColumns<R, N, C>(
      tiles, cuda::PlainColumns<T, N>{from, tiles.columns},
      cuda::StoreResult<U, C, N>{to, tiles.columns, static_cast<C>(divisor)}, stream);
}

template <class R, typename T, typename U>
void ReduceColumns(const View& x, ReduceForm form, double divisor, const View& y,
                   cudaStream_t stream) {
  using C = ComputeType<T>;
  constexpr int N = cuda::kPackElements<T>, kPartial = cuda::kPackElements<C>;
  constexpr int kNarrow = 8;  // there are few rows of partial results: more blocks side by side
  const bool packs = form.inner % N == 0 && cuda::IsAlignedFor(x, N) && cuda::IsAlignedFor(y, N);
  const auto tiles = cuda::ColumnTiles::InChunks(form.outer, form.count, form.inner, N, packs);
  if (tiles.chunks == 1) {
    return ReduceTiles<R>(tiles, x.data<T>(), y.data<U>(), divisor, stream);
  }
  const Workspace partial =
      Workspace::Empty({form.outer, tiles.chunks, form.inner}, {DTypeOf<C>(), y.device()});
  ReduceTiles<R>(tiles, x.data<T>(), partial.data<C>(), 1, stream);
  const cuda::ColumnTiles rest(form.outer, tiles.chunks, form.inner, kPartial, packs, kNarrow);
  ReduceTiles<R>(rest, partial.data<C>(), y.data<U>(), divisor, stream);
}

template <class R>
void ReduceWith(ReduceForm form, double divisor, const View& x, const View& y) {
  const cudaStream_t stream = cuda::Use(x.device());
  if (y.numel() == 0) return;
  DispatchFloating(x.dtype(), "Reduce", [&]<typename T>(T) {
    using C = ComputeType<T>;
    const auto run = [&]<typename U>(U) {
      if (form.inner == 1) {
        ReduceRows<R, T, U>(x.data<T>(), form.outer, form.count, divisor, y, stream);
      } else {
        ReduceColumns<R, T, U>(x, form, divisor, y, stream);
      }
    };
    if (y.dtype() == DTypeOf<T>()) return run(T{});
    if constexpr (!std::is_same_v<T, C>) {
      run(C{});
    } else if constexpr (std::is_same_v<T, float>) {
      y.dtype() == DType::kBF16 ? run(BFloat16{}) : run(Float16{});
    }
  });
}

void Reduce(ReduceFunction f, ReduceForm form, double divisor, const View& x, const View& y) {
  switch (f) {
    case ReduceFunction::kSum:
      return ReduceWith<SumReduction>(form, divisor, x, y);
    case ReduceFunction::kMax:
      return ReduceWith<MaxReduction>(form, divisor, x, y);
  }
}

CONVOY_REGISTER_KERNEL(reduce, kCuda, Reduce);

}  // namespace
}  // namespace convoy
