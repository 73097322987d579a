// Ops at the edges of their dtypes: NaN, infinities, -0, denormals and the dtype's limits, at every
// place of a vector. README.md says how to add an op.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/ops/op_table.h"

namespace convoy {

/// Numbers in the precision that references are computed in: wide enough for no step of them to
/// overflow or round where f64 does.
using Wide = std::vector<long double>;

/// The values that are put to the ops: "nan", "inf", "-inf", "-0", "denormal", "min normal", "max"
/// and "lowest" of the dtype.
const std::vector<std::string>& Extremes();
double ExtremeOf(const std::string& name, DType dtype);

/// Where extremes stand among the inputs of a case.
enum class Placement {
  kElements,  ///< input 0 (n) consists of extremes, each of which comes to every place
  kPairs,     ///< so do inputs 0 and 1 (n), in all pairs
  kRows,      ///< input 0 (3 * extremes, n): one in each row, at its first, middle or last place
  kColumns,   ///< input 0 (n, 3 * extremes): one in each column
  kSingle,    ///< one in one input, at its first, middle or last place
};

struct PlainResult {
  Wide output;
  std::vector<Wide> grads;  ///< by input; none: not compared
};

/// The output and the gradients, given that of the output, in plain C++.
using PlainFunction =
    std::function<PlainResult(const std::vector<Wide>& in, const Wide& dy, size_t n)>;

/// How errors of values that are finite are measured.
enum class ErrorMeasure {
  kRelative,     ///< to the value itself, denormal or not
  kAbsolute,     ///< to the value, or to 1 where that is more: terms of order 1 cancel
  kOfMagnitude,  ///< also to the greatest finite input: terms of that order cancel
};

/// An op, or a way to call it, with a width n.
struct ExtremeCase {
  std::string op;    ///< a row of the op table, whose tolerances count
  std::string name;  ///< empty, or what tells it from others of the op
  Placement placement = Placement::kElements;
  std::function<std::vector<Shape>(int64_t n)> shapes;  ///< of inputs of the dtype under test
  RunFunction run;
  /// Empty: the op in f64 on the CPU, for ops that only move values.
  PlainFunction plain;
  ErrorMeasure error = ErrorMeasure::kRelative;
  std::optional<ErrorMeasure> gradient_error;  ///< unset: the same
  bool differentiable = true;
};

/// Put at namespace scope of an extreme_<family>.cc: adds cases.
class ExtremeCases {
 public:
  ExtremeCases(std::initializer_list<ExtremeCase> cases);
};
const std::vector<ExtremeCase>& AllExtremeCases();

/// "Op" or "Op, name".
std::string NameOf(const ExtremeCase& c);

/// Results that differ from the plain ones and are meant to, or that no kernel can promise.
struct Deviation {
  std::string name;  ///< of the case
  std::string part;  ///< "output" or "gradient 0"
  /// "nan"; of pairs "nan, max", where "*" stands for any; of kSingle "nan in 1", that is input 1.
  std::vector<std::string> extremes;
  std::vector<DType> dtypes;
  std::string devices;  ///< "cpu", "cuda" or "cpu, cuda"
  std::string reason;
};
const std::vector<Deviation>& Deviations();

/// Compares a case in every dtype and the given widths with its plain function. `for_each` calls
/// its argument once for every kind of kernel that `device` has. Returns the number of elements
/// compared; fails the test where one differs without being listed, or where a listed deviation is
/// gone.
int64_t CheckExtremes(const ExtremeCase& c, Device device, const std::vector<int64_t>& widths,
                      const std::function<void(const std::function<void()>&)>& for_each);

}  // namespace convoy
