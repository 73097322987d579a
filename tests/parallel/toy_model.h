// A small model in f64 with hand-written ops, so that these tests stand on autograd alone.
#pragma once

#include <cmath>
#include <functional>

#include "core/autograd.h"
#include "core/tensor.h"
#include "tests/parallel/call_in_backward.h"

namespace convoy {

/// x (N, I), weight (I, O), bias (O) -> x @ weight + bias (N, O); all f64.
inline Tensor Affine(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  const int64_t rows = x.dim(0), in = x.dim(1), out = weight.dim(1);
  const Tensor y = Tensor::Empty({rows, out}, x.options());
  for (int64_t n = 0; n < rows; ++n) {
    for (int64_t o = 0; o < out; ++o) {
      double sum = bias.data<double>()[o];
      for (int64_t i = 0; i < in; ++i) {
        sum += x.data<double>()[n * in + i] * weight.data<double>()[i * out + o];
      }
      y.data<double>()[n * out + o] = sum;
    }
  }
  return Record("Affine", y, {x, weight, bias}, [=](BackwardPass& pass) {
    const double* dy = pass.grad().data<double>();  // (N, O)
    if (pass.Needs(0)) {
      pass.Write(0, [&](const Tensor& dx) {
        dx.Zero();
        for (int64_t e = 0; e < rows * out * in; ++e) {
          const int64_t n = e / (out * in), o = e / in % out, i = e % in;
          dx.data<double>()[n * in + i] += dy[n * out + o] * weight.data<double>()[i * out + o];
        }
      });
    }
    if (pass.Needs(1)) {
      pass.Write(1, [&](const Tensor& dw) {
        dw.Zero();
        for (int64_t e = 0; e < rows * out * in; ++e) {
          const int64_t n = e / (out * in), o = e / in % out, i = e % in;
          dw.data<double>()[i * out + o] += dy[n * out + o] * x.data<double>()[n * in + i];
        }
      });
    }
    if (pass.Needs(2)) {
      pass.Write(2, [&](const Tensor& db) {
        db.Zero();
        for (int64_t e = 0; e < rows * out; ++e) db.data<double>()[e % out] += dy[e];
      });
    }
  });
}

/// Element-wise tanh in f64.
inline Tensor Squash(const Tensor& x) {
  const Tensor y = Tensor::Empty(x.shape(), x.options());
  for (int64_t i = 0; i < x.numel(); ++i) y.data<double>()[i] = std::tanh(x.data<double>()[i]);
  return Record("Squash", y, {x}, [y = y.Detach()](BackwardPass& pass) {
    pass.Write(0, [&](const Tensor& dx) {
      for (int64_t i = 0; i < y.numel(); ++i) {
        const double value = y.data<double>()[i];
        dx.data<double>()[i] = pass.grad().data<double>()[i] * (1 - value * value);
      }
    });
  });
}

/// Mean over all elements of (y - target)^2; of no elements: 0 / 0.
inline Tensor MeanSquare(const Tensor& y, const Tensor& target) {
  const double n = static_cast<double>(y.numel());
  double sum = 0;
  for (int64_t i = 0; i < y.numel(); ++i) {
    const double error = y.data<double>()[i] - target.data<double>()[i];
    sum += error * error;
  }
  return Record("MeanSquare", Tensor::Scalar(sum / n, y.device()), {y}, [=](BackwardPass& pass) {
    const double seed = pass.grad().Item<double>();
    pass.Write(0, [&](const Tensor& dy) {
      for (int64_t i = 0; i < y.numel(); ++i) {
        dy.data<double>()[i] = 2 * seed / n * (y.data<double>()[i] - target.data<double>()[i]);
      }
    });
  });
}

/// 3 -> 5 -> 2, and a parameter that nothing uses.
struct ToyModel {
  explicit ToyModel(Device device, int seed = 1) {
    parameters = {{"fc1.weight", Make({3, 5}, device, seed)},
                  {"fc1.bias", Make({5}, device, seed + 1)},
                  {"unused", Make({4}, device, seed + 2)},
                  {"fc2.weight", Make({5, 2}, device, seed + 3)},
                  {"fc2.bias", Make({2}, device, seed + 4)}};
  }

  static Tensor Make(const Shape& shape, Device device, int seed) {
    Tensor tensor = Tensor::Empty(shape, {DType::kF64, device});
    for (int64_t i = 0; i < tensor.numel(); ++i) {
      tensor.data<double>()[i] = std::sin(static_cast<double>(1 + i * 7 + seed * 31));
    }
    return tensor.SetRequiresGrad();
  }

  const Tensor& operator[](size_t i) const { return parameters[i].tensor; }

  Tensor operator()(const Tensor& x) const {
    Tensor hidden = Affine(x, (*this)[0], (*this)[1]);
    if (before_fc1_backward) hidden = CallInBackward(hidden, before_fc1_backward);
    return Affine(Squash(hidden), (*this)[3], (*this)[4]);
  }

  /// Loss of samples [begin, end) of step `step`; sample i is the same whoever computes it.
  Tensor Loss(int step, int64_t begin, int64_t end) const {
    const Device device = (*this)[0].device();
    const Tensor x = Tensor::Empty({end - begin, 3}, {DType::kF64, device});
    const Tensor target = Tensor::Empty({end - begin, 2}, {DType::kF64, device});
    const auto value = [](int64_t i) { return std::cos(static_cast<double>(i * i % 1009)); };
    for (int64_t i = 0; i < x.numel(); ++i) {
      x.data<double>()[i] = value(begin * 3 + i + 1000 * step);
    }
    for (int64_t i = 0; i < target.numel(); ++i) {
      target.data<double>()[i] = value(begin * 2 + i + 500 * step + 7);
    }
    return MeanSquare((*this)(x), target);
  }

  ParameterList parameters;
  /// Called in backward when the gradients of fc2 are final and those of fc1 are not; may be empty.
  std::function<void()> before_fc1_backward;
};

}  // namespace convoy
