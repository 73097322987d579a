// The op table: registration of rows, and what follows from a row alone.
#include "tests/ops/op_table.h"

#include <utility>

#include "core/base/error.h"

namespace convoy {
namespace {

Device error_device;

std::map<std::string, OpSpec>& Table() {
  static std::map<std::string, OpSpec> table;
  return table;
}

}  // namespace

InputSpec Float(const Shape& shape, double low, double high) {
  return {.shape = shape, .low = low, .high = high};
}

InputSpec FloatValues(const Shape& shape, std::vector<double> values) {
  return {.shape = shape, .values = std::move(values)};
}

InputSpec Index(const Shape& shape, int bound) {
  return {.shape = shape, .dtype = DType::kI32, .low = 0, .high = static_cast<double>(bound)};
}

InputSpec Fixed(DType dtype, const Shape& shape, std::vector<double> values) {
  return {.shape = shape, .dtype = dtype, .values = std::move(values)};
}

InputSpec Bool(const Shape& shape) {
  return {.shape = shape, .dtype = DType::kBool, .low = -1, .high = 1};
}

Tensor Zeros(const Shape& shape, DType dtype) {
  return Tensor::Zeros(shape, {dtype, error_device});
}

Tensor Indices(const std::vector<int32_t>& values) {
  return Tensor::From({static_cast<int64_t>(values.size())}, values, error_device);
}

Tensor ZerosElsewhere(const Shape& shape, DType dtype) {
  return Tensor::Zeros(shape, {dtype, {error_device.type, error_device.index + 1}});
}

ErrorDevice::ErrorDevice(Device device) : before_(std::exchange(error_device, device)) {}
ErrorDevice::~ErrorDevice() { error_device = before_; }

OpRow::OpRow(OpSpec spec) {
  const std::string op = spec.op;
  CONVOY_CHECK(Table().emplace(op, std::move(spec)).second, "[OpTable] two rows for {}", op);
}

const std::map<std::string, OpSpec>& OpTable() { return Table(); }

const RunFunction& RunOf(const OpSpec& row, const Sample& sample) {
  return sample.run ? sample.run : row.run;
}

const std::string& TorchOf(const OpSpec& row, const Sample& sample) {
  return sample.torch.empty() ? row.torch : sample.torch;
}

double Tolerance(const OpSpec& row, DType dtype) {
  if (const auto own = row.tolerances.find(dtype); own != row.tolerances.end()) return own->second;
  switch (dtype) {
    case DType::kF64:
      return 1e-11;
    case DType::kF32:
      return 4e-6;
    case DType::kBF16:
      return 2e-2;
    case DType::kF16:
      return 2.5e-3;
    default:
      return 0;
  }
}

}  // namespace convoy
