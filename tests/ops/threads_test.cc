// The number of threads does not change a bit of any result.
#include "core/threads.h"

#include "tests/ops/drivers.h"

namespace convoy {
namespace {

TEST_CASE("one, two and three threads give the same bits") {
  ForEachSample([](const OpSpec& row, const Sample& sample) {
    if (!row.same_bits_for_any_threads) return;
    ForEachDType(row, [&](DType dtype) {
      const std::vector<Tensor> inputs = MakeInputs(row, sample, dtype);
      const std::vector<bool> wants = Differentiable(row, sample, dtype);
      SetCpuThreads(1);
      const Result one = Evaluate(RunOf(row, sample), inputs, wants);
      for (const int threads : {2, 3}) {
        INFO(threads << " threads");
        SetCpuThreads(threads);
        CHECK(BitDifference(Evaluate(RunOf(row, sample), inputs, wants), one) == "");
      }
      SetCpuThreads(0);
    });
  });
}

}  // namespace
}  // namespace convoy
