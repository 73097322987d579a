// Running a sample of the op table forward and backward, and comparing results.
#pragma once

#include <string>
#include <vector>

#include "tests/ops/op_table.h"

namespace convoy {

/// The inputs of a sample as tensors of `dtype` (those with a dtype of their own keep it).
std::vector<Tensor> MakeInputs(const OpSpec& row, const Sample& sample, DType dtype,
                               Device device = {});

/// Each element as f64, whatever the dtype.
std::vector<double> ToDoubles(const Tensor& tensor);
/// The converse; integers are rounded, u8 drops the sign, bool is "above zero".
Tensor FromDoubles(const Shape& shape, const std::vector<double>& values, DType dtype,
                   Device device = {});
/// Converts floating tensors to `dtype`; others stay.
Tensor Convert(const Tensor& tensor, DType dtype);

/// For each input whether backward is to reach it when inputs of the sample have `dtype`.
std::vector<bool> Differentiable(const OpSpec& row, const Sample& sample, DType dtype);

/// The gradient that backward starts from: element i is ((37 * i + 11) mod 61) / 32 - 15/16, exact
/// in every dtype; generate.py uses the same.
Tensor Cotangent(const Tensor& output);

struct Result {
  Tensor output;
  std::vector<Tensor> grads;  ///< by input; undefined where none was wanted
};

/// Runs forward, and backward from Cotangent for the inputs that `wants` marks.
Result Evaluate(const RunFunction& run, const std::vector<Tensor>& inputs,
                const std::vector<bool>& wants);

/// The f64 result, on the CPU, of inputs that are already rounded to their dtypes. Integer dtypes
/// are computed as f64 numbers, unless the sample fixes them.
Result EvaluateInF64(const OpSpec& row, const Sample& sample, const std::vector<Tensor>& inputs,
                     const std::vector<bool>& wants);

/// Empty if shapes are the same and |got - want| <= tolerance * (|want| + max(rms of want, 0.05))
/// for every element; else says where it differs most.
std::string Difference(const Tensor& got, const Tensor& want, double tolerance);

/// Of outputs and of all gradients; dtypes may differ.
std::string Difference(const Result& got, const Result& want, double tolerance);

/// Empty if dtypes, shapes and every bit are the same; on any device.
std::string BitDifference(const Result& got, const Result& want);

}  // namespace convoy
