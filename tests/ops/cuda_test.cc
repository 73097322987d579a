// Every op on a GPU, real or simulated, against the CPU.
#include <string>

#include "tests/gpu.h"
#include "tests/ops/cuda_checks.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

// Calls `f(row, sample, dtype)`. There are no exceptions: an op without a kernel for GPUs fails.
template <typename F>
void ForEachOnGpu(F&& f) {
  ForEachSample([&](const OpSpec& row, const Sample& sample) {
    ForEachDType(row, [&](DType dtype) { f(row, sample, dtype); });
  });
}

TEST_CASE("every op agrees with the CPU in f64, and with itself when run again") {
  CONVOY_NEED_GPUS(1);
  ForEachOnGpu(CheckAgainstCpu);
}

TEST_CASE("backward on a GPU adds to the gradient that a leaf has") {
  CONVOY_NEED_GPUS(1);
  ForEachOnGpu(CheckAccumulation);
}

TEST_CASE("backward on a GPU serves every kind of destination") {
  CONVOY_NEED_GPUS(1);
  ForEachSample(
      [](const OpSpec& row, const Sample& sample) { CheckDestinations(row, sample, DType::kF64); });
}

TEST_CASE("wrong inputs on a GPU give the messages that they give on the CPU") {
  CONVOY_NEED_GPUS(1);
  const ErrorDevice device(Device::Cuda());
  for (const auto& [op, row] : OpTable()) {
    for (size_t i = 0; i < row.errors.size(); ++i) {
      const ErrorCase& wrong = row.errors[i];
      std::string message = wrong.message;
      const bool two_devices = message.find("cpu:1") != std::string::npos;
      if (!wrong.on_gpu || (two_devices && !HaveGpus(2))) continue;
      for (size_t at; (at = message.find("cpu:")) != std::string::npos;) {
        message.replace(at, 4, "cuda:");
      }
      DYNAMIC_SECTION(op << ", wrong input " << i) { CHECK_THROWS_WITH(wrong.call(), message); }
    }
  }
}

}  // namespace
}  // namespace convoy
