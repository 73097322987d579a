// Linear on a GPU: activation and bias gradient within the products' own kernels, where cuBLASLt
// has them; else the passes.
#include "core/backend.h"
#include "core/workspace.h"
#include "ops/cuda/gemm_plan.h"
#include "ops/gemm_settings.h"
#include "ops/linear_passes.h"

namespace convoy {
namespace {

bool Forward(const LinearForward& l) {
  GemmArguments g{.device = l.y.device(), .dtype = l.y.dtype()};
  g.n = l.weight.dim(0), g.k = l.weight.dim(1);
  if (l.y.numel() == 0 || g.k == 0) return false;
  g.m = l.y.numel() / g.n;
  g.a = l.x.raw_data();
  g.b = l.weight.raw_data(), g.transpose_b = true;
  g.c = l.y.raw_data();
  g.bias = l.bias.defined() ? l.bias.raw_data() : nullptr;
  switch (l.activation) {
    case Activation::kRelu:
      return cuda::RunGemm({.g = g, .epilogue = cuda::GemmEpilogue::kRelu});
    case Activation::kGeluTanh:
      if (!GetGemmSettings().fuse_gelu) return false;
      if (!l.z.defined()) return cuda::RunGemm({.g = g, .epilogue = cuda::GemmEpilogue::kGelu});
      if (g.n % 8 != 0) return false;  // the leading dimension that the library wants of z
      return cuda::RunGemm(
          {.g = g, .epilogue = cuda::GemmEpilogue::kGeluKeepInput, .aux = l.z.raw_data()});
    default:
      return false;
  }
}

void LinearForwardKernel(const LinearForward& l) {
  if (!Forward(l)) LinearForwardInPasses(l);
}

bool WeightGradient(const LinearWeightGradient& l) {
  if (!l.dbias.tensor.defined() || !GetGemmSettings().fuse_bias_gradient) return false;
  GemmArguments g{.device = l.dz.device(), .dtype = l.dz.dtype()};
  g.m = l.dz.dim(-1), g.n = l.x.dim(-1);
  if (l.dz.numel() == 0 || g.n == 0) return false;
  g.k = l.dz.numel() / g.m;
  g.a = l.dz.raw_data(), g.transpose_a = true;
  g.b = l.x.raw_data();
  g.c = l.dweight.tensor.raw_data(), g.accumulate = l.dweight.accumulate;
  const View& dbias = l.dbias.tensor;
  // The library overwrites the sums, whatever becomes of c.
  Workspace own;
  if (l.dbias.accumulate) own = Workspace::Empty(dbias.shape(), dbias.options());
  void* const sums = l.dbias.accumulate ? own.raw_data() : dbias.raw_data();
  if (!cuda::RunGemm({.g = g, .epilogue = cuda::GemmEpilogue::kBiasGradient, .aux = sums}))
    return false;
  if (l.dbias.accumulate) {
    GetBackend(DeviceType::kCuda).AddInto(g.device, dbias.raw_data(), sums, g.dtype, dbias.numel());
  }
  return true;
}

void LinearWeightGradientKernel(const LinearWeightGradient& l) {
  if (!WeightGradient(l)) LinearWeightGradientInPasses(l);
}

CONVOY_REGISTER_KERNEL(linear_forward, kCuda, LinearForwardKernel);
CONVOY_REGISTER_KERNEL(linear_weight_gradient, kCuda, LinearWeightGradientKernel);

}  // namespace
}  // namespace convoy
