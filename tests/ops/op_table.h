// The op table: one row per op, from which the drivers in this folder make all op tests.
// README.md says how to add a row.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace convoy {

/// One input of a sample: its shape, its dtype, and where its values come from.
struct InputSpec {
  Shape shape;
  /// Unset: the floating dtype under test. Set: always this one, and not differentiated.
  std::optional<DType> dtype;
  /// Values are spread evenly over [low, high) in random order; all are distinct (floating ones).
  double low = -2;
  double high = 2;
  /// These instead, if there are any; row-major.
  std::vector<double> values;
};

/// Values of the dtype under test. They are odd multiples of 2^-13 and differ between the inputs
/// of a sample: exact in f32, and never at a kink such as 0, 0.5 or lhs == rhs.
InputSpec Float(const Shape& shape, double low = -2, double high = 2);
/// Explicit values of the dtype under test.
InputSpec FloatValues(const Shape& shape, std::vector<double> values);
/// i32 in [0, bound): labels, indices.
InputSpec Index(const Shape& shape, int bound);
/// Explicit values of a fixed dtype.
InputSpec Fixed(DType dtype, const Shape& shape, std::vector<double> values);
/// bool, half of them true.
InputSpec Bool(const Shape& shape);

using Inputs = const std::vector<Tensor>&;
using RunFunction = std::function<Tensor(Inputs)>;

/// One call of the op: its inputs and, where they are not the row's, the call and its reference.
struct Sample {
  std::string name;
  std::vector<InputSpec> inputs;
  RunFunction run;                   ///< unset: the row's
  std::string torch;                 ///< empty: the row's
  bool large = false;                ///< enough work for many threads; no reference, no grad check
  bool differentiable = true;        ///< false: backward is not tried
  std::string no_reference_because;  ///< set: no reference values, for this reason
};

/// A wrong call and the message it must throw, to the letter. Its tensors are Zeros and the like,
/// below, so that it can be made on every device.
struct ErrorCase {
  std::function<void()> call;
  std::string message;  ///< as it is on cpu:0
  bool on_gpu = true;   ///< false: only the CPU looks at the values that are wrong
};

/// Tensors of error cases, on the device under test: cpu:0, or that of an ErrorDevice.
Tensor Zeros(const Shape& shape, DType dtype = DType::kF32);
Tensor Indices(const std::vector<int32_t>& values);
/// On the next device of that kind.
Tensor ZerosElsewhere(const Shape& shape, DType dtype = DType::kF32);

/// While one is alive, error cases are about `device`.
class ErrorDevice {
 public:
  explicit ErrorDevice(Device device);
  ~ErrorDevice();
  ErrorDevice(const ErrorDevice&) = delete;
  ErrorDevice& operator=(const ErrorDevice&) = delete;

 private:
  Device before_;
};

/// What the table knows of one op.
struct OpSpec {
  /// As registered with Op.
  std::string op;
  /// Makes the output from a sample's inputs.
  RunFunction run;
  /// The same in Python: inputs are a, b, c, ... (f64), `torch` and `F` (torch.nn.functional) are
  /// there; evaluated by reference/generate.py.
  std::string torch;
  std::vector<Sample> samples;
  std::vector<ErrorCase> errors;
  /// Those that inputs of the dtype under test may have. Only floating ones are differentiated.
  std::vector<DType> dtypes = {DType::kF64, DType::kF32, DType::kBF16, DType::kF16};
  bool differentiable = true;
  /// Whether every number of threads must give the same bits.
  bool same_bits_for_any_threads = true;
  /// Allowed error by dtype, where the default (see Tolerance) is too strict.
  std::map<DType, double> tolerances = {};
};

/// Put at namespace scope of a rows_<family>.cc: adds a row to the table.
class OpRow {
 public:
  explicit OpRow(OpSpec spec);
};

/// All rows, by op.
const std::map<std::string, OpSpec>& OpTable();

/// The sample's own call or expression, else the row's.
const RunFunction& RunOf(const OpSpec& row, const Sample& sample);
const std::string& TorchOf(const OpSpec& row, const Sample& sample);

/// Error allowed in results of `dtype`, relative to the element and the tensor's rms.
double Tolerance(const OpSpec& row, DType dtype);

}  // namespace convoy
