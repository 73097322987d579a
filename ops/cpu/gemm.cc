// CPU kernel of the matrix product: cut into slices for the device's threads; oneDNN for f32 and
// bf16 (our own kernel where the f32 result is thin), Eigen for f64, and f32 copies for what the
// processor cannot multiply directly.
#include "ops/gemm.h"

#include <Eigen/Core>
#include <algorithm>
#include <vector>

#include "core/threads.h"
#include "core/view.h"
#include "core/workspace.h"
#include "ops/cpu/onednn.h"
#include "ops/cpu/thin_gemm.h"

namespace convoy {
namespace {

// Below this many multiply-adds a second thread costs more than it saves.
constexpr int64_t kGrainWork = 1 << 18;
// Slices are whole multiples of what the inner kernels compute at once.
constexpr int64_t kRowUnit = 8;
constexpr int64_t kColumnUnit = 32;

// Rows [row, row + rows) and columns [column, column + columns) of the result of every matrix in
// [matrix, matrix + matrices).
struct Slice {
  int64_t matrix, matrices, row, rows, column, columns;
};

const char* Offset(const void* base, int64_t elements, DType dtype) {
  return static_cast<const char*>(base) + elements * static_cast<int64_t>(SizeOf(dtype));
}

void RunOneDnn(const GemmArguments& g, const Slice& s) {
  OneDnnMatMul p{.dtype = g.dtype,
                 .transpose_a = g.transpose_a,
                 .transpose_b = g.transpose_b,
                 .accumulate = g.accumulate,
                 .has_bias = g.bias != nullptr,
                 .batch = s.matrices,
                 .m = s.rows,
                 .n = s.columns,
                 .k = g.k,
                 .lda = g.transpose_a ? g.m : g.k,
                 .ldb = g.transpose_b ? g.k : g.n,
                 .ldc = g.n,
                 .stride_a = g.repeat_a ? 0 : g.m * g.k,
                 .stride_b = g.repeat_b ? 0 : g.k * g.n,
                 .stride_c = g.m * g.n};
  const int64_t a = s.matrix * p.stride_a + s.row * (g.transpose_a ? 1 : p.lda);
  const int64_t b = s.matrix * p.stride_b + s.column * (g.transpose_b ? p.ldb : 1);
  const int64_t c = s.matrix * p.stride_c + s.row * p.ldc + s.column;
  RunOneDnnMatMul(p, Offset(g.a, a, g.dtype), Offset(g.b, b, g.dtype),
                  g.bias ? Offset(g.bias, s.column, g.dtype) : nullptr,
                  const_cast<char*>(Offset(g.c, c, g.dtype)));
}

void RunEigen(const GemmArguments& g, const Slice& s) {
  using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using View = Eigen::Map<const Matrix>;
  for (int64_t i = s.matrix; i < s.matrix + s.matrices; ++i) {
    const View a(static_cast<const double*>(g.a) + (g.repeat_a ? 0 : i * g.m * g.k),
                 g.transpose_a ? g.k : g.m, g.transpose_a ? g.m : g.k);
    const View b(static_cast<const double*>(g.b) + (g.repeat_b ? 0 : i * g.k * g.n),
                 g.transpose_b ? g.n : g.k, g.transpose_b ? g.k : g.n);
    Eigen::Map<Matrix> whole(static_cast<double*>(g.c) + i * g.m * g.n, g.m, g.n);
    auto c = whole.block(s.row, s.column, s.rows, s.columns);
    const auto product = [&](const auto& lhs, const auto& rhs) {
      if (g.accumulate)
        c.noalias() += lhs * rhs;
      else
        c.noalias() = lhs * rhs;
    };
    const auto a_rows = a.middleRows(g.transpose_a ? 0 : s.row, g.transpose_a ? g.k : s.rows);
    const auto a_columns = a.middleCols(g.transpose_a ? s.row : 0, g.transpose_a ? s.rows : g.k);
    const auto b_columns =
        b.middleCols(g.transpose_b ? 0 : s.column, g.transpose_b ? g.k : s.columns);
    const auto b_rows = b.middleRows(g.transpose_b ? s.column : 0, g.transpose_b ? s.columns : g.k);
    if (g.transpose_a && g.transpose_b)
      product(a_columns.transpose(), b_rows.transpose());
    else if (g.transpose_a)
      product(a_columns.transpose(), b_columns);
    else if (g.transpose_b)
      product(a_rows, b_rows.transpose());
    else
      product(a_rows, b_columns);
    if (g.bias != nullptr) {
      c.rowwise() += Eigen::Map<const Eigen::RowVectorXd>(
          static_cast<const double*>(g.bias) + s.column, s.columns);
    }
  }
}

// Whether the result has so few rows or columns that RunThin is for it. It adds up long sums in
// blocks; oneDNN in one running sum.
bool IsThin(const GemmArguments& g) {
  return g.dtype == DType::kF32 && std::min(g.m, g.n) <= kMaxThin;
}

void RunThin(const GemmArguments& g, const Slice& s) {
  const bool thin_columns = g.n <= g.m;  // else thin rows
  const bool thin_transposed = thin_columns ? !g.transpose_b : g.transpose_a;
  const int64_t first = thin_columns ? s.column : s.row;
  ThinProduct p{};
  p.thin_count = thin_columns ? s.columns : s.rows;
  p.wide_count = thin_columns ? s.rows : s.columns;
  p.depth = g.k;
  p.wide_by_depth = thin_columns ? g.transpose_a : !g.transpose_b;
  p.wide_stride = p.wide_by_depth ? (thin_columns ? g.m : g.n) : g.k;
  p.wide_step = thin_columns ? g.n : 1;
  p.thin_step = thin_columns ? 1 : g.n;
  p.accumulate = g.accumulate;
  if (g.bias != nullptr) p.bias = static_cast<const float*>(g.bias) + s.column;
  (thin_columns ? p.bias_thin_step : p.bias_wide_step) = 1;
  const int64_t wide_offset = (thin_columns ? s.row : s.column) * (p.wide_by_depth ? 1 : g.k);
  std::vector<float> packed;
  for (int64_t i = s.matrix; i < s.matrix + s.matrices; ++i) {
    const float* const a = static_cast<const float*>(g.a) + (g.repeat_a ? 0 : i * g.m * g.k);
    const float* const b = static_cast<const float*>(g.b) + (g.repeat_b ? 0 : i * g.k * g.n);
    p.wide = (thin_columns ? a : b) + wide_offset;
    p.thin = (thin_columns ? b : a) + first * g.k;
    if (thin_transposed) {
      const float* const from = thin_columns ? b : a;
      const int64_t stride = thin_columns ? g.n : g.m;
      packed.resize(static_cast<size_t>(p.thin_count * g.k));
      for (int64_t j = 0; j < p.thin_count; ++j) {
        for (int64_t k = 0; k < g.k; ++k) {
          packed[static_cast<size_t>(j * g.k + k)] = from[k * stride + first + j];
        }
      }
      p.thin = packed.data();
    }
    p.c = static_cast<float*>(g.c) + i * g.m * g.n + s.row * g.n + s.column;
    RunThinProduct(p);
  }
}

// Cuts the result along whichever of batch, rows and columns gives every thread an even share.
void ForEachSlice(const GemmArguments& g, void (*run)(const GemmArguments&, const Slice&)) {
  const int64_t work = g.batch * g.m * g.n * std::max<int64_t>(g.k, 1);
  const int64_t threads = std::clamp<int64_t>(work / kGrainWork, 1, CpuTeam(g.device.index).size());
  if (g.batch >= threads) {
    ParallelFor(g.device, g.batch, (g.batch + threads - 1) / threads,
                [&](int64_t begin, int64_t end) {
                  run(g, {begin, end - begin, 0, g.m, 0, g.n});
                });
    return;
  }
  const bool by_rows = g.m / kRowUnit >= threads || g.m / kRowUnit >= g.n / kColumnUnit;
  const int64_t extent = by_rows ? g.m : g.n;
  const int64_t unit = by_rows ? kRowUnit : kColumnUnit;
  const int64_t units = (extent + unit - 1) / unit;
  ParallelFor(g.device, units, (units + threads - 1) / threads, [&](int64_t first, int64_t last) {
    const int64_t begin = first * unit;
    const int64_t size = std::min(last * unit, extent) - begin;
    if (by_rows)
      run(g, {0, g.batch, begin, size, 0, g.n});
    else
      run(g, {0, g.batch, 0, g.m, begin, size});
  });
}

// c (+)= bias, for a product over nothing.
void OnlyBias(const GemmArguments& g) {
  const size_t row_bytes = static_cast<size_t>(g.n) * SizeOf(g.dtype);
  char* c = static_cast<char*>(g.c);
  const int64_t matrices = g.sum_batch ? 1 : g.batch;
  for (int64_t row = 0; row < matrices * g.m; ++row, c += row_bytes) {
    if (g.bias != nullptr)
      std::copy_n(static_cast<const char*>(g.bias), row_bytes, c);
    else if (!g.accumulate)
      std::fill_n(c, row_bytes, char{0});
  }
}

void ToFloat(Device device, DType dtype, const void* from, int64_t numel, float* to) {
  DispatchFloating(dtype, "MatMul", [&]<typename T>(T) {
    ParallelFor(device, numel, 1 << 14, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        to[i] = static_cast<float>(static_cast<const T*>(from)[i]);
      }
    });
  });
}

void Gemm(const GemmArguments& g);

// The same product on f32 copies, rounded once at the end.
void ThroughFloat(const GemmArguments& g) {
  const TensorOptions f32{DType::kF32, g.device};
  const auto widen = [&](const void* from, int64_t numel) {
    Workspace copy = Workspace::Empty({numel}, f32);
    ToFloat(g.device, g.dtype, from, numel, copy.data<float>());
    return copy;
  };
  const Workspace a = widen(g.a, (g.repeat_a ? 1 : g.batch) * g.m * g.k);
  const Workspace b = widen(g.b, (g.repeat_b ? 1 : g.batch) * g.k * g.n);
  const int64_t numel = (g.sum_batch ? 1 : g.batch) * g.m * g.n;
  const Workspace c = g.accumulate ? widen(g.c, numel) : Workspace::Empty({numel}, f32);
  const Workspace bias = g.bias ? widen(g.bias, g.n) : Workspace();
  GemmArguments wide = g;
  wide.dtype = DType::kF32;
  wide.a = a.raw_data();
  wide.b = b.raw_data();
  wide.c = c.raw_data();
  wide.bias = g.bias ? bias.raw_data() : nullptr;
  Gemm(wide);
  DispatchFloating(g.dtype, "MatMul", [&]<typename T>(T) {
    const float* from = c.data<float>();
    ParallelFor(g.device, numel, 1 << 14, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) static_cast<T*>(g.c)[i] = T(from[i]);
    });
  });
}

// One product after the other into the same matrix; f32 and f64 only.
void SumBatch(const GemmArguments& g) {
  GemmArguments one = g;
  one.batch = 1;
  one.sum_batch = false;
  for (int64_t i = 0; i < g.batch; ++i) {
    one.a = Offset(g.a, g.repeat_a ? 0 : i * g.m * g.k, g.dtype);
    one.b = Offset(g.b, g.repeat_b ? 0 : i * g.k * g.n, g.dtype);
    one.accumulate = g.accumulate || i > 0;
    Gemm(one);
  }
}

void Gemm(const GemmArguments& g) {
  if (g.m * g.n == 0) return;
  if (g.k == 0 || g.batch == 0) return OnlyBias(g);
  if (g.sum_batch) {
    const bool narrow = g.dtype == DType::kBF16 || g.dtype == DType::kF16;
    return narrow ? ThroughFloat(g) : SumBatch(g);
  }
  if (g.dtype == DType::kF64) return ForEachSlice(g, RunEigen);
  if (IsThin(g)) return ForEachSlice(g, RunThin);
  if (OneDnnSupports(g.dtype)) return ForEachSlice(g, RunOneDnn);
  ThroughFloat(g);
}

CONVOY_REGISTER_KERNEL(gemm, kCpu, Gemm);

}  // namespace
}  // namespace convoy
