// The matrix product on a GPU: cuBLASLt's, with what it leaves to be done around it.
#include "ops/gemm.h"

#include <algorithm>

#include "core/view.h"
#include "core/workspace.h"
#include "ops/cuda/gemm_passes.h"
#include "ops/cuda/gemm_plan.h"
#include "ops/reduce_kernels.h"

namespace convoy {
namespace {

constexpr int64_t kMaxBatch = 65535;  // a grid's extent
constexpr int64_t kMaxPartsBytes = int64_t{256} << 20;

// Matrices [begin, begin + count) of the batch, as a batch of its own.
GemmArguments Part(const GemmArguments& g, int64_t begin, int64_t count) {
  GemmArguments part = g;
  const auto at = [&](const void* base, int64_t elements) {
    return static_cast<const char*>(base) + elements * static_cast<int64_t>(SizeOf(g.dtype));
  };
  part.a = at(g.a, g.repeat_a ? 0 : begin * g.m * g.k);
  part.b = at(g.b, g.repeat_b ? 0 : begin * g.k * g.n);
  part.c = const_cast<char*>(at(g.c, g.sum_batch ? 0 : begin * g.m * g.n));
  part.batch = count;
  return part;
}

// One matrix, or a batch, without sum_batch.
void Multiply(const GemmArguments& g) {
  if (cuda::RunGemm({.g = g})) return;
  if (g.bias != nullptr) {
    GemmArguments product = g;
    product.bias = nullptr;
    if (cuda::RunGemm({.g = product}))
      return cuda::AddRow(g.device, g.dtype, g.bias, g.c, g.batch * g.m, g.n);
  }
  cuda::PlainGemm(g);
}

// The products of the batch are kept apart, unrounded, and then added up in their order.
void SumBatch(GemmArguments g) {
  const DType wide = ComputeDType(g.dtype);
  const int64_t numel = g.m * g.n;
  const int64_t bytes = numel * static_cast<int64_t>(SizeOf(wide));
  const int64_t count =
      std::clamp<int64_t>(kMaxPartsBytes / bytes, 1, std::min(g.batch, kMaxBatch));
  const Workspace parts = Workspace::Empty({count, numel}, {wide, g.device});
  for (int64_t begin = 0; begin < g.batch; begin += count) {
    GemmArguments part = Part(g, begin, std::min(count, g.batch - begin));
    part.c = parts.raw_data();
    part.sum_batch = false;
    part.accumulate = begin > 0;
    const bool done = cuda::RunGemm({.g = part, .result = wide});
    CONVOY_CHECK(done,
                 "[MatMul] cuBLASLt has no algorithm for {} products ({} x {}) @ ({} x {}) of "
                 "{} into {}",
                 part.batch, g.m, g.k, g.k, g.n, Name(g.dtype), Name(wide));
  }
  cuda::SumParts(g.device, parts.raw_data(), count, numel, g.dtype, g.c, g.accumulate);
}

void Gemm(const GemmArguments& g) {
  const int64_t matrices = g.sum_batch ? 1 : g.batch;
  if (matrices * g.m * g.n == 0) return;
  if (g.k == 0 || g.batch == 0) {
    if (g.bias != nullptr || !g.accumulate)
      cuda::FillRows(g.device, g.dtype, g.bias, g.c, matrices * g.m, g.n);
    return;
  }
  if (g.sum_batch && g.batch > 1) return SumBatch(g);
  GemmArguments rest = g;
  rest.sum_batch = false;
  for (int64_t begin = 0; begin < g.batch; begin += kMaxBatch)
    Multiply(Part(rest, begin, std::min(kMaxBatch, g.batch - begin)));
}

CONVOY_REGISTER_KERNEL(gemm, kCuda, Gemm);

}  // namespace
}  // namespace convoy
