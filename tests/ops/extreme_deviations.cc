// Where ops at the edges of their dtypes differ from plain C++, and why. The tests fail where a
// difference is not listed here, and where one that is listed is gone.
#include "tests/ops/extremes.h"

namespace convoy {
namespace {

const std::vector<DType> kEvery = {DType::kF64, DType::kF32, DType::kBF16, DType::kF16};
// f16 is computed in f32, where its greatest values are far from the limits.
const std::vector<DType> kAllButF16 = {DType::kF64, DType::kF32, DType::kBF16};
const std::vector<DType> kNot16Bit = {DType::kF64, DType::kF32};
constexpr const char* kBoth = "cpu, cuda";

constexpr const char* kLimit =
    "x * S(x) has the limit 0 at -infinity, and its slope the limits 0 and 1, where the formulas "
    "give infinity * 0 = NaN";
constexpr const char* kNegativeRoot =
    "the derivative goes by way of the root of x, which is NaN for a negative x, as the output is";
constexpr const char* kExponent =
    "the exponent at the limit times the gradient overflows, or a denormal one times the gradient "
    "loses bits, before it meets the power";
constexpr const char* kScores =
    "the scores of a query or key at the limit overflow in the type of computation, and the "
    "difference of two infinities is NaN";
constexpr const char* kProducts =
    "values or weights at the limit times the gradient overflow in the type of computation, and "
    "the "
    "difference of two infinities is NaN";
constexpr const char* kHidden =
    "what the mask hides has the weight 0, but is multiplied like the rest of its tile, as in "
    "PyTorch: 0 * infinity and 0 * NaN are NaN";

void AddActivation(std::vector<Deviation>& to, const std::string& name) {
  to.push_back({name, "output", {"-inf"}, kEvery, kBoth, kLimit});
  to.push_back({name, "gradient 0", {"-inf", "inf"}, kEvery, kBoth, kLimit});
}

void AddPow(std::vector<Deviation>& to) {
  const std::string name = "Pow, of two tensors", part = "gradient 0";
  const auto add = [&](std::vector<std::string> extremes, const std::vector<DType>& dtypes,
                       const char* devices) {
    to.push_back({name, part, std::move(extremes), dtypes, devices, kExponent});
  };
  // Whether one of these overflows depends on the gradient that it happens to meet.
  add({"-0, max", "denormal, max", "min normal, max"}, kAllButF16, kBoth);
  add({"-inf, lowest", "1.5, lowest", "inf, lowest", "lowest, lowest", "max, lowest"}, kAllButF16,
      "cpu");
  add({"-0, denormal"}, kNot16Bit, "cpu");
  add({"denormal, denormal", "min normal, denormal"}, kNot16Bit, kBoth);
}

// Both limits in each of the given inputs.
std::vector<std::string> LimitsIn(const std::vector<int>& inputs) {
  std::vector<std::string> extremes;
  for (const int input : inputs) {
    for (const char* limit : {"max in ", "lowest in "})
      extremes.push_back(limit + std::to_string(input));
  }
  return extremes;
}

void AddNorms(std::vector<Deviation>& to) {
  to.push_back({"LayerNorm", "gradient 0", LimitsIn({1}), kAllButF16, kBoth, kProducts});
  to.push_back({"LayerNorm", "gradient 0", LimitsIn({0}), kAllButF16, "cpu", kProducts});
  for (const char* part : {"gradient 0", "gradient 1"}) {
    to.push_back({"AddLayerNorm", part, LimitsIn({2}), kAllButF16, kBoth, kProducts});
    to.push_back({"AddLayerNorm", part, LimitsIn({0, 1}), kAllButF16, "cpu", kProducts});
  }
  to.push_back({"RmsNorm", "gradient 0", LimitsIn({1}), kAllButF16, kBoth, kProducts});
}

void AddAttention(std::vector<Deviation>& to, const std::string& name) {
  for (const char* part : {"output", "gradient 0", "gradient 1", "gradient 2"})
    to.push_back({name, part, LimitsIn({0, 1}), kAllButF16, kBoth, kScores});
  for (const char* part : {"gradient 0", "gradient 1"})
    to.push_back({name, part, LimitsIn({2}), kAllButF16, kBoth, kProducts});
}

void AddHidden(std::vector<Deviation>& to) {
  const auto add = [&](const char* part, std::vector<std::string> extremes, const char* devices) {
    to.push_back({"Attention, causal", part, std::move(extremes), kEvery, devices, kHidden});
  };
  add("output", {"nan in 2", "inf in 2", "-inf in 2"}, kBoth);
  add("gradient 0", {"nan in 1", "inf in 1", "-inf in 1"}, kBoth);
  add("gradient 0", {"nan in 2", "inf in 2", "-inf in 2"}, kBoth);
  add("gradient 1", {"nan in 0", "inf in 0", "-inf in 0"}, kBoth);
  add("gradient 1", {"-inf in 1", "inf in 2", "-inf in 2"}, kBoth);
  add("gradient 1", {"inf in 1"}, "cpu");
  add("gradient 2", {"nan in 0", "inf in 0", "-inf in 0", "inf in 1", "-inf in 1"}, "cpu");
}

std::vector<Deviation> All() {
  std::vector<Deviation> all = {
      {"Pow, -0.5", "gradient 0", {"-inf"}, kEvery, kBoth, kNegativeRoot},
  };
  for (const char* name : {"Silu", "Gelu", "Gelu, by tanh"}) AddActivation(all, name);
  AddPow(all);
  AddNorms(all);
  AddAttention(all, "Attention");
  AddAttention(all, "Attention, causal");
  AddHidden(all);
  return all;
}

}  // namespace

const std::vector<Deviation>& Deviations() {
  static const std::vector<Deviation> deviations = All();
  return deviations;
}

}  // namespace convoy
