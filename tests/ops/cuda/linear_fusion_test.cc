// Linear on a GPU: activations and the bias gradient within the products' kernels, and without.
#include <catch2/catch.hpp>
#include <vector>

#include "core/autograd.h"
#include "core/tensor.h"
#include "ops/gemm_settings.h"
#include "ops/linear.h"
#include "tests/gpu.h"
#include "tests/ops/cuda/helpers.h"
#if defined(CONVOY_SIM)
#include "tests/sim/cublaslt.h"
#endif

namespace convoy {
namespace {

const Device kGpu = Device::Cuda(0);
unsigned seed = 5;

Tensor Random(const Shape& shape, DType dtype) { return RandomValues(shape, dtype, seed++); }

// y and the gradients of x, weight and bias, of two passes into the same gradients.
std::vector<Tensor> Run(std::vector<Tensor> leaves, const Tensor& dy, Activation activation,
                        Device device) {
  for (Tensor& leaf : leaves) {
    leaf = leaf.To(device).Clone();
    leaf.SetRequiresGrad();
  }
  std::vector<Tensor> results;
  for (int pass = 0; pass < 2; ++pass) {
    const Tensor y =
        Linear(leaves[0], leaves[1], leaves.size() > 2 ? leaves[2] : Tensor(), activation);
    BackwardOptions options;
    // Another one for the second pass: twice the same sum would also come of adding it to itself.
    const Tensor host = pass == 0 ? dy : Tensor::Full(dy.shape(), 0.25, dy.options());
    options.seed = host.To(device);
    if (pass == 0) results.push_back(y.Detach().To(Device::Cpu()));
    Backward(y, options);
    for (const Tensor& leaf : leaves) results.push_back(leaf.grad().Clone().To(Device::Cpu()));
  }
  const NoGrad no_grad;
  results.push_back(
      Linear(leaves[0], leaves[1], leaves.size() > 2 ? leaves[2] : Tensor(), activation)
          .To(Device::Cpu()));
  return results;
}

void Check(int64_t outputs, DType dtype, bool bias) {
  for (const Activation activation :
       {Activation::kNone, Activation::kRelu, Activation::kGelu, Activation::kGeluTanh}) {
    CAPTURE(outputs, Name(dtype), bias, static_cast<int>(activation));
    std::vector<Tensor> leaves{Random({3, 7, 12}, dtype), Random({outputs, 12}, dtype)};
    if (bias) leaves.push_back(Random({outputs}, dtype));
    const Tensor dy = Random({3, 7, outputs}, dtype);
    const std::vector<Tensor> gpu = Run(leaves, dy, activation, kGpu);
    for (Tensor& leaf : leaves) leaf = Convert(leaf, DType::kF64);
    const std::vector<Tensor> cpu =
        Run(leaves, Convert(dy, DType::kF64), activation, Device::Cpu());
    for (size_t i = 0; i < gpu.size(); ++i) {
      CHECK(Difference(gpu[i], cpu[i], AllowedError(dtype)) == "");
    }
  }
}

constexpr DType kDTypes[] = {DType::kF32, DType::kF64, DType::kBF16, DType::kF16};

struct SettingsScope {
  GemmSettings before = GetGemmSettings();
  ~SettingsScope() { SetGemmSettings(before); }
};

TEST_CASE("Linear on a GPU, fused or not, is Linear on a CPU") {
  CONVOY_NEED_GPUS(1);
  const SettingsScope scope;
  for (const bool fuse : {true, false}) {
    SetGemmSettings({.fuse_gelu = fuse, .fuse_bias_gradient = fuse});
    for (const DType dtype : kDTypes) {
      Check(16, dtype, true);
      Check(16, dtype, false);
      Check(5, dtype, true);  // no leading dimension for the auxiliary output
    }
  }
}

#if defined(CONVOY_SIM)
TEST_CASE("Linear fuses where it may") {
  CONVOY_NEED_GPUS(1);
  const SettingsScope scope;
  const auto fused = [](Activation activation, int64_t outputs) {
    const std::vector<Tensor> leaves{Random({4, 8}, DType::kBF16),
                                     Random({outputs, 8}, DType::kBF16),
                                     Random({outputs}, DType::kBF16)};
    const int64_t before = sim::CublasLtFusedProducts();
    Run(leaves, Random({4, outputs}, DType::kBF16), activation, kGpu);
    return sim::CublasLtFusedProducts() - before;
  };
  // Of two passes and one without gradients.
  CHECK(fused(Activation::kNone, 16) == 2);  // the bias gradients
  CHECK(fused(Activation::kRelu, 16) == 3);
  CHECK(fused(Activation::kGeluTanh, 16) == 3);
  CHECK(fused(Activation::kGeluTanh, 5) == 1);
  CHECK(fused(Activation::kGelu, 16) == 0);  // which the library has not
  SetGemmSettings({.fuse_gelu = false, .fuse_bias_gradient = false});
  CHECK(fused(Activation::kNone, 16) == 0);
  CHECK(fused(Activation::kGeluTanh, 16) == 0);
}

TEST_CASE("Linear does without what cuBLASLt declines") {
  CONVOY_NEED_GPUS(1);
  for (const sim::Declines declines : {sim::Declines::kEpilogues, sim::Declines::kEverything}) {
    sim::SetCublasLtDeclines(declines);
    // In bf16 the bias is then added to a rounded product, and an output near 0 may change its
    // sign.
    for (const DType dtype : {DType::kF32, DType::kF64}) Check(24, dtype, true);
  }
  sim::SetCublasLtDeclines(sim::Declines::kNothing);
}
#endif

}  // namespace
}  // namespace convoy
