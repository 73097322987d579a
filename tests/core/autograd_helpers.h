// Small ops recorded by hand, one for each way in which a backward can deliver a gradient.
#pragma once

#include <string>
#include <vector>

#include "core/autograd.h"

namespace convoy {

inline std::vector<float> Values(const Tensor& tensor) { return tensor.ToVector<float>(); }

inline Tensor Leaf(std::vector<float> values) {
  const Shape shape = {static_cast<int64_t>(values.size())};
  Tensor leaf = Tensor::From<float>(shape, values);
  return leaf.SetRequiresGrad();
}

/// to (+)= factor * from.
inline void AddScaled(const GradTarget& to, const Tensor& from, float factor) {
  for (int64_t i = 0; i < from.numel(); ++i) {
    float& element = to.tensor.data<float>()[i];
    element = factor * from.data<float>()[i] + (to.accumulate ? element : 0);
  }
}

inline Tensor ScaledValues(const Tensor& x, float factor) {
  const Tensor y = Tensor::Empty(x.shape());
  AddScaled({y, false}, x, factor);
  return y;
}

/// factor * x, delivered through Target.
inline Tensor Scale(const Tensor& x, float factor) {
  return Record("Scale", ScaledValues(x, factor), {x},
                [factor](BackwardPass& pass) { AddScaled(pass.Target(0), pass.grad(), factor); });
}

/// factor * x, delivered through InPlace; `reused` counts how often that was grad()'s own memory.
inline Tensor ScaleInPlace(const Tensor& x, float factor, int* reused = nullptr) {
  return Record("ScaleInPlace", ScaledValues(x, factor), {x}, [=](BackwardPass& pass) {
    const void* memory = pass.grad().raw_data();
    const Tensor& grad = pass.grad();
    const GradTarget target = pass.InPlace(0);
    if (reused != nullptr && target.tensor.raw_data() == memory) ++*reused;
    AddScaled(target, grad, factor);
  });
}

/// factor * x, delivered through Write.
inline Tensor ScaleByWrite(const Tensor& x, float factor) {
  return Record("ScaleByWrite", ScaledValues(x, factor), {x}, [factor](BackwardPass& pass) {
    pass.Write(0, [&](const Tensor& dx) { AddScaled({dx, false}, pass.grad(), factor); });
  });
}

/// x + y, delivered through Pass.
inline Tensor Plus(const Tensor& x, const Tensor& y) {
  const Tensor sum = x.Clone();
  AddScaled({sum, true}, y, 1);
  return Record("Plus", sum, {x, y}, [](BackwardPass& pass) {
    for (int i = 0; i < 2; ++i) {
      if (pass.Needs(i)) pass.Pass(i, pass.grad());
    }
  });
}

/// Sum of the elements: a scalar.
inline Tensor Total(const Tensor& x) {
  float sum = 0;
  for (const float value : Values(x)) sum += value;
  return Record("Total", Tensor::Scalar(sum), {x}, [shape = x.shape()](BackwardPass& pass) {
    AddScaled(pass.Target(0), Tensor::Full(shape, pass.grad().Item<float>()), 1);
  });
}

}  // namespace convoy
