// Every op on a GPU, real or simulated, against the CPU.
#include <algorithm>
#include <map>
#include <set>

#include "tests/gpu.h"
#include "tests/ops/cuda_checks.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

// Dtypes that an op takes on the CPU only, and why.
const std::map<std::string, std::pair<std::vector<DType>, std::string>> kNotOnGpu = {};

// Ops that have no kernels for GPUs.
const std::set<std::string> kNoKernels = {"Attention",  "CrossEntropy", "Embedding", "LayerNorm",
                                          "LogSoftmax", "RmsNorm",      "Softmax"};

bool TakesOnGpu(const OpSpec& row, DType dtype) {
  if (kNoKernels.count(row.op) > 0) return false;
  const auto found = kNotOnGpu.find(row.op);
  if (found == kNotOnGpu.end()) return true;
  const std::vector<DType>& without = found->second.first;
  return std::find(without.begin(), without.end(), dtype) == without.end();
}

// Calls `f(row, sample, dtype)`.
template <typename F>
void ForEachOnGpu(F&& f) {
  ForEachSample([&](const OpSpec& row, const Sample& sample) {
    ForEachDType(row, [&](DType dtype) {
      if (TakesOnGpu(row, dtype)) f(row, sample, dtype);
    });
  });
}

TEST_CASE("every op agrees with the CPU in f64, and with itself when run again") {
  CONVOY_NEED_GPUS(1);
  ForEachOnGpu(CheckAgainstCpu);
}

TEST_CASE("ops without kernels for GPUs say so") {
  CONVOY_NEED_GPUS(1);
  for (const std::string& op : kNoKernels) {
    const OpSpec& row = OpTable().at(op);
    const Sample& sample = row.samples.front();
    CHECK_THROWS_WITH(RunOf(row, sample)(MakeInputs(row, sample, DType::kF32, Device::Cuda())),
                      "[" + op + "] has no kernel for cuda:0");
  }
}

TEST_CASE("backward on a GPU adds to the gradient that a leaf has") {
  CONVOY_NEED_GPUS(1);
  ForEachOnGpu(CheckAccumulation);
}

TEST_CASE("backward on a GPU serves every kind of destination") {
  CONVOY_NEED_GPUS(1);
  ForEachOnGpu([](const OpSpec& row, const Sample& sample, DType dtype) {
    const DType strictest = TakesOnGpu(row, DType::kF64) ? DType::kF64 : DType::kF32;
    if (dtype == strictest) CheckDestinations(row, sample, dtype);
  });
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
