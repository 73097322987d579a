// The loop that every driver shares: one Catch2 section per op, sample and dtype.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/ops/evaluate.h"
#include "tests/ops/op_table.h"

namespace convoy {

/// Runs `f(row, sample)` in a section named "Op/sample" (`-c` runs only that one).
template <typename F>
void ForEachSample(F&& f) {
  for (const auto& [op, row] : OpTable()) {
    for (const Sample& sample : row.samples) {
      DYNAMIC_SECTION(op << "/" << sample.name) { f(row, sample); }
    }
  }
}

/// Runs `f(dtype)` for the dtypes of the row, saying so in failures.
template <typename F>
void ForEachDType(const OpSpec& row, F&& f) {
  for (const DType dtype : row.dtypes) {
    INFO("dtype " << Name(dtype));
    f(dtype);
  }
}

}  // namespace convoy
