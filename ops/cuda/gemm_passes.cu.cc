// Kernels around the products.
#include "ops/cuda/gemm_passes.h"

#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kTile = 16;

template <typename T>
__global__ void FillRowsKernel(const T* row, T* c, int64_t numel, int64_t n) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < numel) c[i] = row == nullptr ? T(ComputeType<T>{0}) : row[i % n];
}

template <typename T>
__global__ void AddRowKernel(const T* row, T* c, int64_t numel, int64_t n) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i < numel) c[i] = Round<T>(Widen(c[i]) + Widen(row[i % n]));
}

template <typename P, typename T>
__global__ void SumPartsKernel(const P* parts, int64_t count, int64_t numel, T* c,
                               bool accumulate) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= numel) return;
  P sum{0};
  for (int64_t first = 0; first < count; first += kTile) {  // in blocks: fewer roundings in a row
    P block{0};
    for (int64_t p = first; p < first + kTile && p < count; ++p) block += parts[p * numel + i];
    sum += block;
  }
  c[i] = Round<T>(accumulate ? static_cast<P>(Widen(c[i])) + sum : sum);
}

template <typename T>
struct Operands {
  const T* a;
  const T* b;
  const T* bias;
  T* c;
  int64_t m, n, k, stride_a, stride_b;
  bool transpose_a, transpose_b, accumulate;
};

// One block a tile of kTile x kTile results, one thread each.
template <typename T>
__global__ void PlainGemmKernel(Operands<T> g) {
  using C = ComputeType<T>;
  C* a = DynamicShared<C>();  // (kTile rows, kTile of k)
  C* b = a + kTile * kTile;   // (kTile of k, kTile columns)
  const int x = threadIdx.x % kTile, y = threadIdx.x / kTile;
  const int64_t row = int64_t{blockIdx.x} * kTile + y, column = int64_t{blockIdx.y} * kTile + x;
  const T* from_a = g.a + blockIdx.z * g.stride_a;
  const T* from_b = g.b + blockIdx.z * g.stride_b;
  C sum{0};
  for (int64_t k = 0; k < g.k; k += kTile) {
    a[y * kTile + x] = row < g.m && k + x < g.k
                           ? Widen(from_a[g.transpose_a ? (k + x) * g.m + row : row * g.k + k + x])
                           : C{0};
    b[y * kTile + x] =
        column < g.n && k + y < g.k
            ? Widen(from_b[g.transpose_b ? column * g.k + k + y : (k + y) * g.n + column])
            : C{0};
    __syncthreads();
    C of_tile{0};  // summed apart: fewer roundings in a row
    for (int i = 0; i < kTile; ++i) of_tile += a[y * kTile + i] * b[i * kTile + x];
    sum += of_tile;
    __syncthreads();
  }
  if (row >= g.m || column >= g.n) return;
  T& c = g.c[(blockIdx.z * g.m + row) * g.n + column];
  if (g.accumulate) sum += Widen(c);
  if (g.bias != nullptr) sum += Widen(g.bias[column]);
  c = Round<T>(sum);
}

}  // namespace

void FillRows(Device device, DType dtype, const void* row, void* c, int64_t rows, int64_t n) {
  const cudaStream_t stream = Use(device);
  DispatchFloating(dtype, "MatMul", [&]<typename T>(T) {
    Launch(FillRowsKernel<T>, BlocksFor(rows * n, kThreads), kThreads, 0, stream,
           static_cast<const T*>(row), static_cast<T*>(c), rows * n, n);
  });
}

void AddRow(Device device, DType dtype, const void* row, void* c, int64_t rows, int64_t n) {
  const cudaStream_t stream = Use(device);
  DispatchFloating(dtype, "MatMul", [&]<typename T>(T) {
    Launch(AddRowKernel<T>, BlocksFor(rows * n, kThreads), kThreads, 0, stream,
           static_cast<const T*>(row), static_cast<T*>(c), rows * n, n);
  });
}

void SumParts(Device device, const void* parts, int64_t count, int64_t numel, DType dtype, void* c,
              bool accumulate) {
  const cudaStream_t stream = Use(device);
  DispatchFloating(dtype, "MatMul", [&]<typename T>(T) {
    using P = ComputeType<T>;
    Launch(SumPartsKernel<P, T>, BlocksFor(numel, kThreads), kThreads, 0, stream,
           static_cast<const P*>(parts), count, numel, static_cast<T*>(c), accumulate);
  });
}

void PlainGemm(const GemmArguments& g) {
  const cudaStream_t stream = Use(g.device);
  DispatchFloating(g.dtype, "MatMul", [&]<typename T>(T) {
    const Operands<T> operands{.a = static_cast<const T*>(g.a),
                               .b = static_cast<const T*>(g.b),
                               .bias = static_cast<const T*>(g.bias),
                               .c = static_cast<T*>(g.c),
                               .m = g.m,
                               .n = g.n,
                               .k = g.k,
                               .stride_a = g.repeat_a ? 0 : g.m * g.k,
                               .stride_b = g.repeat_b ? 0 : g.k * g.n,
                               .transpose_a = g.transpose_a,
                               .transpose_b = g.transpose_b,
                               .accumulate = g.accumulate};
    const dim3 grid(BlocksFor(g.m, kTile), BlocksFor(g.n, kTile), static_cast<unsigned>(g.batch));
    Launch(PlainGemmKernel<T>, grid, kTile * kTile, 2 * kTile * kTile * sizeof(ComputeType<T>),
           stream, operands);
  });
}

}  // namespace convoy::cuda
