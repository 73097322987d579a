// The arithmetic of the simulated cuBLASLt, in f32 (f64 for f64).
#include "tests/sim/gemm_reference.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <type_traits>
#include <vector>

#include "tests/sim/half.h"

namespace convoy::sim {
namespace {

template <typename F>
void Dispatch(cudaDataType_t type, F&& f) {
  switch (type) {
    case CUDA_R_64F:
      return f(static_cast<double*>(nullptr));
    case CUDA_R_32F:
      return f(static_cast<float*>(nullptr));
    case CUDA_R_16BF:
      return f(static_cast<BFloat16*>(nullptr));
    case CUDA_R_16F:
      return f(static_cast<_Float16*>(nullptr));
    default:
      std::fprintf(stderr, "[sim] cuBLASLt: unknown element type\n");
      std::abort();
  }
}

// to[j * rows + i] = element (i, j).
template <typename C>
void Pack(const GemmOperand& from, int64_t matrix, int64_t rows, int64_t columns, C* to) {
  Dispatch(from.type, [&]<typename T>(T*) {
    const T* at = static_cast<const T*>(from.at) + matrix * from.stride;
    for (int64_t j = 0; j < columns; ++j) {
      for (int64_t i = 0; i < rows; ++i) {
        to[j * rows + i] = static_cast<C>(at[i * from.row_step + j * from.column_step]);
      }
    }
  });
}

// sum (rows) += A (rows, [begin, end)) @ b; A is packed, b one column.
template <typename C>
void AddColumn(int64_t rows, int64_t begin, int64_t end, const C* a, const C* b, C* sum) {
  int64_t k = begin;
  for (; k + 4 <= end; k += 4) {
    const C b0 = b[k], b1 = b[k + 1], b2 = b[k + 2], b3 = b[k + 3];
    const C *a0 = a + k * rows, *a1 = a0 + rows, *a2 = a1 + rows, *a3 = a2 + rows;
    for (int64_t i = 0; i < rows; ++i)
      sum[i] = sum[i] + a0[i] * b0 + a1[i] * b1 + a2[i] * b2 + a3[i] * b3;
  }
  for (; k < end; ++k) {
    for (int64_t i = 0; i < rows; ++i) sum[i] += a[k * rows + i] * b[k];
  }
}

template <typename C>
C Gelu(C x) {
  return C{0.5} * x * (C{1} + std::tanh(C{0.7978845608028654} * (x + C{0.044715} * x * x * x)));
}

template <typename C>
void RunAs(const GemmReference& g) {
  std::vector<C> a(static_cast<size_t>(g.rows * g.inner)),
      b(static_cast<size_t>(g.inner * g.columns));
  std::vector<C> sum(static_cast<size_t>(g.rows)), part(static_cast<size_t>(g.rows));
  const int64_t step = (g.inner + g.split - 1) / g.split;
  for (int64_t matrix = 0; matrix < g.batch; ++matrix) {
    if (matrix == 0 || g.a.stride != 0) Pack(g.a, matrix, g.rows, g.inner, a.data());
    if (matrix == 0 || g.b.stride != 0) Pack(g.b, matrix, g.inner, g.columns, b.data());
    Dispatch(g.d_type, [&]<typename T>(T*) {
      for (int64_t j = 0; j < g.columns; ++j) {
        T* d = static_cast<T*>(g.d) + matrix * g.d_stride + j * g.d_ld;
        const C* column = b.data() + j * g.inner;
        std::fill(sum.begin(), sum.end(), C{0});
        for (int64_t k = 0; k < g.inner; k += step) {
          std::fill(part.begin(), part.end(), C{0});
          AddColumn(g.rows, k, std::min(k + step, g.inner), a.data(), column, part.data());
          for (size_t i = 0; i < sum.size(); ++i) sum[i] += part[i];
        }
        for (int64_t i = 0; i < g.rows; ++i) {
          C x = sum[static_cast<size_t>(i)];
          if (g.beta != 0) x += static_cast<C>(g.beta) * static_cast<C>(d[i]);
          if (g.bias != nullptr) x += static_cast<C>(static_cast<const T*>(g.bias)[i]);
          if (g.aux != nullptr) static_cast<T*>(g.aux)[j * g.aux_ld + i] = static_cast<T>(x);
          if (g.gelu) x = Gelu(x);
          if (g.relu) x = std::max(x, C{0});
          d[i] = static_cast<T>(x);
        }
        if (g.b_sums == nullptr) continue;
        C total = 0;
        for (int64_t k = 0; k < g.inner; ++k) total += column[k];
        static_cast<T*>(g.b_sums)[j] = static_cast<T>(total);
      }
    });
  }
}

}  // namespace

void GemmReference::Run() const {
  // Whoever else uses the workspace meanwhile shows.
  const auto mark = static_cast<unsigned char>(reinterpret_cast<uintptr_t>(this) >> 4 | 1);
  std::fill_n(workspace, workspace_bytes, mark);
  if (d_type == CUDA_R_64F)
    RunAs<double>(*this);
  else
    RunAs<float>(*this);
  if (delay_us > 0) std::this_thread::sleep_for(std::chrono::microseconds(delay_us));
  if (std::any_of(workspace, workspace + workspace_bytes, [&](auto at) { return at != mark; })) {
    std::fprintf(stderr, "[sim] cuBLASLt: another kernel wrote to the workspace of this product\n");
    std::abort();
  }
}

}  // namespace convoy::sim
