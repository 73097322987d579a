// The matrix product on a GPU against plain loops in f64: every form that GemmArguments can ask
// for.
#include "ops/gemm.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "core/backend.h"
#include "core/tensor.h"
#include "ops/cuda/gemm_plan.h"
#include "ops/gemm_settings.h"
#include "tests/gpu.h"
#include "tests/ops/cuda/helpers.h"
#if defined(CONVOY_SIM)
#include <cublasLt.h>

#include "tests/sim/control.h"
#include "tests/sim/cublaslt.h"
#endif

namespace convoy {
namespace {

const Device kGpu = Device::Cuda(0);
unsigned seed = 7;

// Numbers that `dtype` can hold, as doubles and on the GPU, `skip` elements into an allocation.
struct Operand {
  std::vector<double> values;
  Tensor whole, tensor;

  Operand(DType dtype, int64_t numel, int64_t skip = 0)
      : whole(Tensor::Zeros({numel + skip}, {dtype, kGpu})), tensor(whole.View({numel}, skip)) {
    const Tensor host = RandomValues({numel}, dtype, seed++);
    tensor.CopyFrom(host);
    values = ToDoubles(host);
  }
};

struct Form {
  int64_t m, n, k;
  bool transpose_a = false, transpose_b = false, accumulate = false, bias = false;
  int64_t batch = 1;
  bool repeat_a = false, repeat_b = false, sum_batch = false;
  int64_t skip = 0;  // elements by which the operands miss an allocation's alignment
};

double Tolerance(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 1e-12;
    case DType::kF32:
      return 2e-6;
    case DType::kF16:
      return 1e-3;
    default:
      return 8e-3;
  }
}

void Check(const Form& f, DType dtype) {
  CAPTURE(f.m, f.n, f.k, f.transpose_a, f.transpose_b, f.accumulate, f.bias, f.batch, f.repeat_a,
          f.repeat_b, f.sum_batch, f.skip, Name(dtype));
  const int64_t matrices = f.sum_batch ? 1 : f.batch;
  const Operand a(dtype, (f.repeat_a ? 1 : f.batch) * f.m * f.k, f.skip);
  const Operand b(dtype, (f.repeat_b ? 1 : f.batch) * f.k * f.n, f.skip);
  const Operand bias(dtype, f.n, f.skip);
  Operand c(dtype, matrices * f.m * f.n, f.skip);
  GemmArguments g{.device = kGpu, .dtype = dtype, .m = f.m, .n = f.n, .k = f.k};
  g.a = a.tensor.raw_data(), g.b = b.tensor.raw_data(), g.c = c.tensor.raw_data();
  g.transpose_a = f.transpose_a, g.transpose_b = f.transpose_b;
  g.accumulate = f.accumulate;
  g.bias = f.bias ? bias.tensor.raw_data() : nullptr;
  g.batch = f.batch;
  g.repeat_a = f.repeat_a, g.repeat_b = f.repeat_b, g.sum_batch = f.sum_batch;
  gemm(kGpu, g);
  const std::vector<double> got = ToDoubles(c.tensor);

  double worst = 0;
  for (int64_t matrix = 0; matrix < matrices; ++matrix) {
    for (int64_t i = 0; i < f.m; ++i) {
      for (int64_t j = 0; j < f.n; ++j) {
        const size_t at = static_cast<size_t>((matrix * f.m + i) * f.n + j);
        double want = f.accumulate ? c.values[at] : 0, size = 1;
        if (f.bias) want += bias.values[static_cast<size_t>(j)];
        for (int64_t s = 0; s < (f.sum_batch ? f.batch : 1); ++s) {
          const int64_t part = f.sum_batch ? s : matrix;
          const int64_t from_a = f.repeat_a ? 0 : part * f.m * f.k;
          const int64_t from_b = f.repeat_b ? 0 : part * f.k * f.n;
          for (int64_t k = 0; k < f.k; ++k) {
            const double x =
                a.values[static_cast<size_t>(from_a + (f.transpose_a ? k * f.m + i : i * f.k + k))];
            const double y =
                b.values[static_cast<size_t>(from_b + (f.transpose_b ? j * f.k + k : k * f.n + j))];
            want += x * y;
            size += std::abs(x * y);
          }
        }
        const double error = std::abs(got[at] - want) / size;
        worst = std::isnan(error) ? 1e30 : std::max(worst, error);
      }
    }
  }
  CHECK(worst < Tolerance(dtype));
  if (f.skip > 0) CHECK(ToDoubles(c.whole.View({f.skip})) == std::vector<double>(f.skip, 0.0));
}

constexpr DType kDTypes[] = {DType::kF32, DType::kF64, DType::kBF16, DType::kF16};

TEST_CASE("Products on a GPU: transposes, sums into the result, bias") {
  CONVOY_NEED_GPUS(1);
  for (const DType dtype : kDTypes) {
    for (int bits = 0; bits < 16; ++bits) {
      const bool accumulate = (bits & 4) != 0, bias = (bits & 8) != 0;
      if (accumulate && bias) continue;
      Check({33, 17, 65, (bits & 1) != 0, (bits & 2) != 0, accumulate, bias}, dtype);
      Check({64, 32, 48, (bits & 1) != 0, (bits & 2) != 0, accumulate, bias}, dtype);
    }
  }
}

TEST_CASE("Products on a GPU: single rows and columns, odd sizes, operands anywhere in memory") {
  CONVOY_NEED_GPUS(1);
  for (const DType dtype : kDTypes) {
    for (const int64_t m : {1, 2, 7}) {
      for (const int64_t n : {1, 3, 8}) {
        for (const int64_t k : {1, 5, 130}) {
          Check({.m = m, .n = n, .k = k, .bias = true, .skip = n % 3}, dtype);
          Check({.m = m, .n = n, .k = k, .transpose_a = true, .accumulate = true, .skip = 1},
                dtype);
        }
      }
    }
  }
}

TEST_CASE("Products on a GPU: nothing to sum, nothing to write") {
  CONVOY_NEED_GPUS(1);
  for (const DType dtype : kDTypes) {
    Check({.m = 3, .n = 5, .k = 0}, dtype);
    Check({.m = 3, .n = 5, .k = 0, .bias = true}, dtype);
    Check({.m = 3, .n = 5, .k = 0, .accumulate = true}, dtype);
    Check({.m = 3, .n = 5, .k = 0, .bias = true, .batch = 2}, dtype);
    Check({.m = 3, .n = 5, .k = 4, .batch = 0}, dtype);
    Check({.m = 3, .n = 5, .k = 4, .batch = 0, .sum_batch = true}, dtype);
    Check({.m = 0, .n = 5, .k = 4}, dtype);
    Check({.m = 3, .n = 0, .k = 4, .bias = true}, dtype);
  }
}

TEST_CASE("Products on a GPU: batches, one operand for all, sums over the batch") {
  CONVOY_NEED_GPUS(1);
  for (const DType dtype : kDTypes) {
    for (int bits = 0; bits < 32; ++bits) {
      Form form{.m = 9, .n = 10, .k = 11, .batch = 5};
      form.transpose_a = (bits & 1) != 0, form.transpose_b = (bits & 2) != 0;
      form.repeat_a = (bits & 4) != 0, form.repeat_b = (bits & 8) != 0;
      form.sum_batch = (bits & 16) != 0;
      Check(form, dtype);
      form.accumulate = true;
      Check(form, dtype);
    }
    Check({.m = 9, .n = 16, .k = 11, .bias = true, .batch = 3}, dtype);
  }
  Check({.m = 1, .n = 2, .k = 1, .batch = 70000, .repeat_b = true}, DType::kF32);
  Check({.m = 2, .n = 1, .k = 1, .batch = 70000, .sum_batch = true}, DType::kF32);
}

TEST_CASE("Products of bf16 that are summed over a batch are rounded once") {
  CONVOY_NEED_GPUS(1);
  // 256 + 1 + 1 + ...: each 1 alone is lost in a bf16 sum.
  const int64_t batch = 33;
  std::vector<BFloat16> ones(batch, BFloat16(1.f));
  std::vector<BFloat16> factors = ones;
  factors[0] = BFloat16(256.f);
  const Tensor a = Tensor::From({batch}, ones, kGpu), b = Tensor::From({batch}, factors, kGpu);
  const Tensor c = Tensor::Empty({1}, {DType::kBF16, kGpu});
  GemmArguments g{.device = kGpu, .dtype = DType::kBF16, .m = 1, .n = 1, .k = 1};
  g.a = a.raw_data(), g.b = b.raw_data(), g.c = c.raw_data();
  g.batch = batch, g.sum_batch = true;
  gemm(kGpu, g);
  CHECK(static_cast<float>(c.ToVector<BFloat16>()[0]) == 288.f);
}

TEST_CASE("A kind of product is planned once") {
  CONVOY_NEED_GPUS(1);
  const auto before = cuda::PlanStats();
  for (int i = 0; i < 3; ++i) Check({.m = 40, .n = 24, .k = 56}, DType::kF32);
  const auto same = cuda::PlanStats();
  CHECK(same.plans - before.plans == 1);
  CHECK(same.hits - before.hits == 2);
  Check({.m = 40, .n = 24, .k = 56, .transpose_a = true}, DType::kF32);
  Check({.m = 40, .n = 24, .k = 56}, DType::kBF16);
  Check({.m = 40, .n = 24, .k = 56, .accumulate = true}, DType::kF32);
  Check({.m = 40, .n = 24, .k = 56, .skip = 1}, DType::kF32);  // less aligned
  const auto other = cuda::PlanStats();
  CHECK(other.plans - same.plans == 4);
  CHECK(other.hits == same.hits);
}

TEST_CASE("A product repeated gives the same bits") {
  CONVOY_NEED_GPUS(1);
  const Operand a(DType::kF32, 50 * 300), b(DType::kF32, 300 * 60);
  const auto run = [&] {
    const Tensor c = Tensor::Empty({50, 60}, {DType::kF32, kGpu});
    GemmArguments g{.device = kGpu, .m = 50, .n = 60, .k = 300};
    g.a = a.tensor.raw_data(), g.b = b.tensor.raw_data(), g.c = c.raw_data();
    gemm(kGpu, g);
    return c.ToVector<float>();
  };
  CHECK(run() == run());
}

struct SettingsScope {
  GemmSettings before = GetGemmSettings();
  ~SettingsScope() { SetGemmSettings(before); }
};

TEST_CASE("Timing the algorithms changes no result, and happens once for a kind of product") {
  CONVOY_NEED_GPUS(1);
  const SettingsScope scope;
  cuda::SetGemmAutotune(true);
  const auto before = cuda::PlanStats();
  // Sizes that nothing else in this program has: plans are kept for the whole process.
  for (int i = 0; i < 2; ++i) {
    Check({.m = 31, .n = 21, .k = 41}, DType::kF32);
    Check({.m = 31, .n = 21, .k = 41, .accumulate = true}, DType::kBF16);
    Check({.m = 31, .n = 21, .k = 41, .accumulate = true, .batch = 2}, DType::kF64);
  }
  CHECK(cuda::PlanStats().timed - before.timed == 3);
}

TEST_CASE("TF32 only where it is allowed") {
  CONVOY_NEED_GPUS(1);
  const SettingsScope scope;
  GemmSettings settings = GetGemmSettings();
  CHECK_FALSE(settings.allow_tf32);
  settings.allow_tf32 = true;
  const auto before = cuda::PlanStats();
  Check({.m = 8, .n = 8, .k = 8}, DType::kF64);
  SetGemmSettings(settings);
  Check({.m = 8, .n = 8, .k = 8}, DType::kF64);
  CHECK(cuda::PlanStats().plans - before.plans <= 1);  // it is no matter to f64
}

#if defined(CONVOY_SIM)
TEST_CASE("Timing keeps the fastest algorithm") {
  CONVOY_NEED_GPUS(1);
  const SettingsScope scope;
  // Longer than a busy machine keeps the fast one waiting.
  sim::SetCublasLtSlow(0, 300'000);
  sim::SetCublasLtSlow(1, 300'000);
  cuda::SetGemmAutotune(true);
  Check({.m = 19, .n = 29, .k = 39}, DType::kF32);
  const int64_t fast = sim::CublasLtProducts(2);
  for (int i = 0; i < 5; ++i) Check({.m = 19, .n = 29, .k = 39}, DType::kF32);
  CHECK(sim::CublasLtProducts(2) - fast == 5);
  sim::SetCublasLtSlow(0, 0);
  sim::SetCublasLtSlow(1, 0);
}

TEST_CASE("What cuBLASLt declines is computed all the same") {
  CONVOY_NEED_GPUS(1);
  sim::SetCublasLtDeclines(sim::Declines::kEpilogues);
  for (const DType dtype : kDTypes) Check({.m = 35, .n = 18, .k = 67, .bias = true}, dtype);
  sim::SetCublasLtDeclines(sim::Declines::kEverything);
  for (const DType dtype : kDTypes) {
    for (int bits = 0; bits < 8; ++bits) {
      Form form{.m = 36, .n = 19, .k = 68, .batch = 2};
      form.transpose_a = (bits & 1) != 0, form.transpose_b = (bits & 2) != 0;
      form.accumulate = (bits & 4) != 0, form.bias = !form.accumulate;
      form.repeat_a = form.bias, form.repeat_b = form.transpose_b;
      Check(form, dtype);
    }
  }
  sim::SetCublasLtDeclines(sim::Declines::kNothing);
}

TEST_CASE("A failing library call says which, and what the library says") {
  CONVOY_NEED_GPUS(1);
  sim::FailCall("cublasLtMatmul", 1, CUBLAS_STATUS_EXECUTION_FAILED);
  CHECK_THROWS_WITH(Check({.m = 4, .n = 4, .k = 4}, DType::kF32),
                    Catch::Contains("cublasLtMatmul") &&
                        Catch::Contains("CUBLAS_STATUS_EXECUTION_FAILED") &&
                        Catch::Contains("gemm_plan.cc"));
  Check({.m = 4, .n = 4, .k = 4}, DType::kF32);
}
#endif

TEST_CASE("A recorded product replayed") {
  CONVOY_NEED_GPUS(1);
  const Operand a(DType::kBF16, 16 * 32), b(DType::kBF16, 32 * 8);
  const Tensor c = Tensor::Zeros({16, 8}, {DType::kBF16, kGpu});
  GemmArguments g{.device = kGpu, .dtype = DType::kBF16, .m = 16, .n = 8, .k = 32};
  g.a = a.tensor.raw_data(), g.b = b.tensor.raw_data(), g.c = c.raw_data();
  const SettingsScope scope;
  cuda::SetGemmAutotune(true);  // which does not time while recording
  Backend& backend = GetBackend(DeviceType::kCuda);
  const auto before = cuda::PlanStats();
  const auto recording = backend.Record(kGpu, [&] { gemm(kGpu, g); });
  CHECK(cuda::PlanStats().timed == before.timed);
  CHECK(ToDoubles(c) == std::vector<double>(16 * 8, 0.0));
  recording->Replay();
  const std::vector<double> replayed = ToDoubles(c);
  c.Zero();
  recording->Replay();
  CHECK(ToDoubles(c) == replayed);
  SetGemmSettings(scope.before);
  gemm(kGpu, g);
  CHECK(ToDoubles(c) == replayed);
}

}  // namespace
}  // namespace convoy
