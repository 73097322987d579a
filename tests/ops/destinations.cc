// Ops that lead a backward to every kind of destination the autograd engine has.
#include "tests/ops/destinations.h"

#include "core/autograd.h"
#include "core/backend.h"

namespace convoy {

Tensor Copy(const Tensor& x) {
  return Record("Copy", x.Clone(), {x}, [](BackwardPass& pass) {
    pass.Write(0, [&](const Tensor& dx) { dx.CopyFrom(pass.grad()); });
  });
}

Tensor Join(const Tensor& x, const Tensor& y) {
  const Tensor sum = x.Clone();
  GetBackend(sum.device().type)
      .AddInto(sum.device(), sum.raw_data(), y.raw_data(), sum.dtype(), sum.numel());
  return Record("Join", sum, {x, y}, [](BackwardPass& pass) {
    for (int i = 0; i < 2; ++i) {
      if (pass.Needs(i)) pass.Pass(i, pass.grad());
    }
  });
}

RunFunction WithCopiedInputs(const RunFunction& run) {
  return [run](Inputs in) {
    std::vector<Tensor> copies;
    for (const Tensor& x : in) copies.push_back(Copy(x));
    return run(copies);
  };
}

Result Scaled(const Result& result, double factor) {
  Result scaled = result;
  for (Tensor& grad : scaled.grads) {
    if (!grad.defined()) continue;
    std::vector<double> values = ToDoubles(grad);
    for (double& value : values) value *= factor;
    grad = FromDoubles(grad.shape(), values, grad.dtype(), grad.device());
  }
  return scaled;
}

}  // namespace convoy
