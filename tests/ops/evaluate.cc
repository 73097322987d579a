// Running a sample of the op table forward and backward, and comparing results.
#include "tests/ops/evaluate.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/autograd.h"
#include "core/random.h"

namespace convoy {
namespace {

// FNV-1a: the same on every machine.
uint64_t Hash(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

// Odd multiples of 2^-13 on a grid of 2^-10, shifted by `index` so that inputs never tie.
double OnGrid(double value, size_t index) {
  const double shift = static_cast<double>(2 * (index % 4) + 1) * 0x1p-13;
  return std::floor(value * 0x1p10) * 0x1p-10 + shift;
}

std::vector<double> InputValues(const OpSpec& row, const Sample& sample, size_t index) {
  const InputSpec& spec = sample.inputs[index];
  if (!spec.values.empty()) return spec.values;
  const int64_t n = spec.shape.numel();
  Random random(Hash(row.op + "/" + sample.name), /*first_stream=*/2 * index);
  const Tensor phase = Tensor::Empty({}, {DType::kF64});
  random.Uniform(phase, 0, 1);
  const bool whole = spec.dtype && !IsFloating(*spec.dtype) && *spec.dtype != DType::kBool;
  std::vector<double> values;
  for (const int64_t place : random.Permutation(n)) {
    const double at = (static_cast<double>(place) + phase.Item<double>()) / static_cast<double>(n);
    const double value = spec.low + (spec.high - spec.low) * at;
    values.push_back(whole ? std::floor(value) : OnGrid(value, index));
  }
  return values;
}

std::string At(const Shape& shape, size_t flat) {
  std::vector<int64_t> position(static_cast<size_t>(shape.ndim()));
  for (int i = shape.ndim() - 1; i >= 0; --i) {
    position[static_cast<size_t>(i)] = static_cast<int64_t>(flat) % shape[i];
    flat /= static_cast<size_t>(shape[i]);
  }
  return Shape(position).ToString();
}

// Applies `compare` to the outputs and to every gradient.
template <typename Compare>
std::string ForEachPart(const Result& got, const Result& want, Compare compare) {
  std::string text;
  const auto add = [&](const std::string& part, const std::string& difference) {
    if (!difference.empty()) text += part + ": " + difference + "\n";
  };
  add("output", compare(got.output, want.output));
  for (size_t i = 0; i < std::max(got.grads.size(), want.grads.size()); ++i) {
    const std::string part = fmt::format("gradient of input {}", i);
    const bool in_got = i < got.grads.size() && got.grads[i].defined();
    const bool in_want = i < want.grads.size() && want.grads[i].defined();
    if (in_got && in_want)
      add(part, compare(got.grads[i], want.grads[i]));
    else if (in_got != in_want)
      add(part, in_got ? "there, but not expected" : "missing");
  }
  return text;
}

}  // namespace

std::vector<double> ToDoubles(const Tensor& tensor) {
  return DispatchAll(tensor.dtype(), [&]<typename T>(T) {
    const auto values = tensor.ToVector<T>();
    std::vector<double> wide;
    wide.reserve(values.size());
    for (const auto value : values) {
      wide.push_back(static_cast<double>(static_cast<ComputeType<T>>(value)));
    }
    return wide;
  });
}

Tensor FromDoubles(const Shape& shape, const std::vector<double>& values, DType dtype,
                   Device device) {
  CONVOY_CHECK(shape.numel() == static_cast<int64_t>(values.size()),
               "[OpTable] shape {} wants {} values, got {}", shape.ToString(), shape.numel(),
               values.size());
  const Tensor tensor = Tensor::Empty(shape, {dtype});
  DispatchAll(dtype, [&]<typename T>(T) {
    T* to = tensor.data<T>();
    for (const double value : values) {
      if constexpr (std::is_same_v<T, bool>)
        *to++ = value > 0;
      else if constexpr (std::is_same_v<T, uint8_t>)
        *to++ = static_cast<T>(std::lround(std::abs(value)));
      else if constexpr (std::is_integral_v<T>)
        *to++ = static_cast<T>(std::lround(value));
      else
        *to++ = static_cast<T>(static_cast<ComputeType<T>>(value));
    }
  });
  return tensor.To(device);
}

Tensor Convert(const Tensor& tensor, DType dtype) {
  if (!IsFloating(tensor.dtype())) return tensor;
  return FromDoubles(tensor.shape(), ToDoubles(tensor), dtype);
}

std::vector<Tensor> MakeInputs(const OpSpec& row, const Sample& sample, DType dtype,
                               Device device) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < sample.inputs.size(); ++i) {
    const InputSpec& spec = sample.inputs[i];
    inputs.push_back(
        FromDoubles(spec.shape, InputValues(row, sample, i), spec.dtype.value_or(dtype), device));
  }
  return inputs;
}

std::vector<bool> Differentiable(const OpSpec& row, const Sample& sample, DType dtype) {
  std::vector<bool> wants;
  for (const InputSpec& spec : sample.inputs) {
    wants.push_back(row.differentiable && sample.differentiable && !spec.dtype &&
                    IsFloating(dtype));
  }
  return wants;
}

Tensor Cotangent(const Tensor& output) {
  std::vector<double> values(static_cast<size_t>(output.numel()));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<double>((37 * i + 11) % 61) / 32 - 0.9375;
  }
  return FromDoubles(output.shape(), values, output.dtype(), output.device());
}

Result Evaluate(const RunFunction& run, const std::vector<Tensor>& inputs,
                const std::vector<bool>& wants) {
  std::vector<Tensor> leaves;
  bool any = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    leaves.push_back(inputs[i].Detach());
    if (wants[i]) leaves.back().SetRequiresGrad();
    any = any || wants[i];
  }
  Result result{run(leaves), std::vector<Tensor>(inputs.size())};
  if (!any) return result;
  CONVOY_CHECK(result.output.requires_grad(), "[OpTable] the op has recorded no backward");
  Backward(result.output, {.seed = Cotangent(result.output)});
  for (size_t i = 0; i < inputs.size(); ++i) result.grads[i] = leaves[i].grad();
  return result;
}

Result EvaluateInF64(const OpSpec& row, const Sample& sample, const std::vector<Tensor>& inputs,
                     const std::vector<bool>& wants) {
  std::vector<Tensor> wide;
  for (size_t i = 0; i < inputs.size(); ++i) {
    wide.push_back(sample.inputs[i].dtype
                       ? inputs[i].To({})
                       : FromDoubles(inputs[i].shape(), ToDoubles(inputs[i]), DType::kF64));
  }
  return Evaluate(RunOf(row, sample), wide, wants);
}

std::string Difference(const Tensor& got, const Tensor& want, double tolerance) {
  if (got.shape() != want.shape()) {
    return fmt::format("shape {}, expected {}", got.shape().ToString(), want.shape().ToString());
  }
  const std::vector<double> g = ToDoubles(got);
  const std::vector<double> w = ToDoubles(want);
  double squares = 0;
  for (const double value : w) squares += std::isfinite(value) ? value * value : 0;
  // Tensors near zero still have terms of order one that cancelled: an absolute error then counts.
  const double rms = std::max(std::sqrt(squares / static_cast<double>(w.size())), 0.05);
  double worst = 0;
  size_t where = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    const bool same = g[i] == w[i] || (std::isnan(g[i]) && std::isnan(w[i]));
    double excess = same ? 0 : std::abs(g[i] - w[i]) / (std::abs(w[i]) + rms);
    if (!same && !std::isfinite(excess)) excess = HUGE_VAL;
    if (excess > worst) {
      worst = excess;
      where = i;
    }
  }
  if (worst <= tolerance) return "";
  return fmt::format("at {}: {:.9g}, expected {:.9g} (error {:.2g}, allowed {:.2g})",
                     At(want.shape(), where), g[where], w[where], worst, tolerance);
}

std::string Difference(const Result& got, const Result& want, double tolerance) {
  return ForEachPart(got, want,
                     [&](const Tensor& a, const Tensor& b) { return Difference(a, b, tolerance); });
}

std::string BitDifference(const Result& got, const Result& want) {
  return ForEachPart(got, want, [](const Tensor& x, const Tensor& y) -> std::string {
    const Tensor a = x.To({}), b = y.To({});
    if (a.dtype() != b.dtype()) {
      return fmt::format("dtype {}, expected {}", Name(a.dtype()), Name(b.dtype()));
    }
    if (a.shape() != b.shape()) return Difference(a, b, 0);
    if (std::memcmp(a.raw_data(), b.raw_data(), a.bytes()) == 0) return "";
    const std::string difference = Difference(a, b, 0);
    return difference.empty() ? "same values, other bits (signed zeros or NaNs)" : difference;
  });
}

}  // namespace convoy
