// The op table is complete: every registered op has a row and every row an op.
#include <algorithm>
#include <iostream>

#include "ops/op.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

std::vector<std::string> Without(const std::vector<std::string>& all,
                                 const std::vector<std::string>& some) {
  std::vector<std::string> rest;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::back_inserter(rest));
  return rest;
}

TEST_CASE("every registered op has a row in the op table, and every row an op") {
  std::vector<std::string> rows;
  for (const auto& [op, row] : OpTable()) rows.push_back(op);
  const std::vector<std::string> ops = RegisteredOps();
  INFO("ops without a row; add one to tests/ops/rows_<family>.cc");
  CHECK(Without(ops, rows) == std::vector<std::string>());
  INFO("rows without an op; is the name the one given to Op?");
  CHECK(Without(rows, ops) == std::vector<std::string>());
}

TEST_CASE("every row has samples, wrong inputs and a sample without elements") {
  for (const auto& [op, row] : OpTable()) {
    INFO(op);
    std::vector<std::string> names;
    bool empty = false;
    for (const Sample& sample : row.samples) {
      INFO(sample.name);
      names.push_back(sample.name);
      CHECK(RunOf(row, sample));
      INFO("a sample needs a reference expression, or a reason why there is none");
      CHECK(
          (sample.large || !TorchOf(row, sample).empty() || !sample.no_reference_because.empty()));
      for (const InputSpec& input : sample.inputs) empty = empty || input.shape.numel() == 0;
    }
    std::sort(names.begin(), names.end());
    INFO("sample names must differ");
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
    INFO("a row needs a sample with no elements");
    CHECK(empty);
    INFO("a row needs wrong inputs");
    CHECK_FALSE(row.errors.empty());
  }
}

// Not a check: run with "[support]" to see the table.
TEST_CASE("which op takes which dtype", "[.][support]") {
  std::cout << fmt::format("{:<16}", "op");
  const std::vector<DType> dtypes = {DType::kF32, DType::kF64, DType::kBF16, DType::kF16,
                                     DType::kI32, DType::kI64, DType::kU8,   DType::kBool};
  for (const DType dtype : dtypes) std::cout << fmt::format("{:>6}", Name(dtype));
  std::cout << "   gradient  samples\n";
  for (const auto& [op, row] : OpTable()) {
    std::cout << fmt::format("{:<16}", op);
    for (const DType dtype : dtypes) {
      const bool has = std::count(row.dtypes.begin(), row.dtypes.end(), dtype) > 0;
      std::cout << fmt::format("{:>6}", has ? "x" : "-");
    }
    std::cout << fmt::format("   {:>8}  {:>7}\n", row.differentiable ? "x" : "-",
                             row.samples.size());
  }
}

}  // namespace
}  // namespace convoy
