// Random inputs, and an op on a GPU against the CPU in f64.
#pragma once

#include <catch2/catch.hpp>
#include <random>
#include <vector>

#include "tests/gpu.h"
#include "tests/ops/destinations.h"
#include "tests/ops/evaluate.h"

namespace convoy {

inline Tensor RandomValues(const Shape& shape, DType dtype, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  std::vector<double> values(static_cast<size_t>(shape.numel()));
  for (double& value : values) value = normal(generator);
  return FromDoubles(shape, values, dtype);
}

/// Error allowed of results in `dtype`, whose sums are in f32 or f64.
inline double AllowedError(DType dtype) {
  return dtype == DType::kBF16  ? 2e-2
         : dtype == DType::kF16 ? 2.5e-3
         : dtype == DType::kF32 ? 1e-5
                                : 1e-11;
}

/// Values and gradients on cuda:0, which must agree with the CPU's in f64. The same again gives the
/// same bits.
inline Result CheckOnGpu(const RunFunction& run, const std::vector<Tensor>& inputs) {
  std::vector<Tensor> on_gpu, in_f64;
  std::vector<bool> wants;
  for (const Tensor& input : inputs) {
    on_gpu.push_back(input.To(Device::Cuda()));
    in_f64.push_back(Convert(input, DType::kF64));
    wants.push_back(IsFloating(input.dtype()));
  }
  const Result got = Evaluate(run, on_gpu, wants);
  CHECK(Difference(got, Evaluate(run, in_f64, wants), AllowedError(inputs[0].dtype())) == "");
  CHECK(BitDifference(Evaluate(run, on_gpu, wants), got) == "");
  return got;
}

}  // namespace convoy
