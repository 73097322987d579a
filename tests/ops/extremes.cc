// Ops at the edges of their dtypes: the inputs, the comparison, and the account of deviations.
#include "tests/ops/extremes.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "core/autograd.h"
#include "tests/ops/evaluate.h"

namespace convoy {
namespace {

// What a format can hold.
struct Limits {
  double max, min_normal, denormal;
};

Limits LimitsOf(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return {std::numeric_limits<double>::max(), 0x1p-1022, 0x1p-1074};
    case DType::kF32:
      return {0x1.fffffep127, 0x1p-126, 0x1p-149};
    case DType::kBF16:
      return {0x1.fep127, 0x1p-126, 0x1p-133};
    default:
      return {65504, 0x1p-14, 0x1p-24};
  }
}

std::vector<ExtremeCase>& Cases() {
  static std::vector<ExtremeCase> cases;
  return cases;
}

// An ordinary value of either sign: at most 6 bits, so exact in every dtype, and never 0.
double Ordinary(size_t i) { return (static_cast<double>((i * 29 + 7) % 53) - 26) / 16 + 0.03125; }

// One call: its inputs and, for each element of an input or of the output, the extreme that it is
// made from.
struct Call {
  std::vector<Shape> shapes;
  std::vector<std::vector<double>> inputs;
  std::function<std::string(size_t element, size_t numel)> extreme;
};

constexpr size_t kPlaces = 3;

size_t Place(size_t which, size_t n) { return which == 0 ? 0 : which == 1 ? n / 2 : n - 1; }

// Calls `f` with every call of the case at width n.
template <typename F>
void ForEachCall(const ExtremeCase& c, DType dtype, int64_t n, F&& f) {
  std::vector<std::string> names = Extremes();
  Call plain{.shapes = c.shapes(n), .inputs = {}, .extreme = {}};
  for (size_t j = 0; j < plain.shapes.size(); ++j) {
    plain.inputs.emplace_back();
    for (size_t i = 0; i < static_cast<size_t>(plain.shapes[j].numel()); ++i)
      plain.inputs[j].push_back(Ordinary(i + 11 * j));
  }
  const size_t extremes = names.size(), width = static_cast<size_t>(n);
  const auto value = [&](size_t which) { return ExtremeOf(names[which], dtype); };
  if (c.placement == Placement::kElements) {
    for (size_t turn = 0; turn < extremes; ++turn) {
      Call call = plain;
      const auto at = [=](size_t i) { return (i + turn) % extremes; };
      for (size_t i = 0; i < width; ++i) call.inputs[0][i] = value(at(i));
      call.extreme = [=](size_t i, size_t) { return names[at(i)]; };
      f(call);
    }
  } else if (c.placement == Placement::kPairs) {
    names.push_back("1.5");
    const size_t all = names.size();
    const auto number = [&](size_t which) { return which < extremes ? value(which) : 1.5; };
    for (size_t first = 0; first < all * all; first += width) {
      Call call = plain;
      const auto pair = [=](size_t i) { return (first + i) % (all * all); };
      for (size_t i = 0; i < width; ++i) {
        call.inputs[0][i] = number(pair(i) / all);
        call.inputs[1][i] = number(pair(i) % all);
      }
      call.extreme = [=](size_t i, size_t) {
        return names[pair(i) / all] + ", " + names[pair(i) % all];
      };
      f(call);
    }
  } else if (c.placement == Placement::kRows || c.placement == Placement::kColumns) {
    const size_t lines = kPlaces * extremes;
    const bool rows = c.placement == Placement::kRows;
    for (size_t r = 0; r < lines; ++r) {
      const size_t at = Place(r % kPlaces, width);
      plain.inputs[0][rows ? r * width + at : at * lines + r] = value(r / kPlaces);
    }
    plain.extreme = [=](size_t i, size_t numel) {
      return names[(rows ? i / (numel / lines) : i % lines) / kPlaces];
    };
    f(plain);
  } else {
    for (size_t j = 0; j < plain.inputs.size(); ++j) {
      std::set<size_t> places;
      for (size_t p = 0; p < kPlaces; ++p) places.insert(Place(p, plain.inputs[j].size()));
      for (size_t which = 0; which < extremes; ++which) {
        for (const size_t place : places) {
          Call call = plain;
          call.inputs[j][place] = value(which);
          call.extreme = [=](size_t, size_t) { return names[which] + " in " + std::to_string(j); };
          f(call);
        }
      }
    }
  }
}

struct Got {
  std::vector<double> output;
  DType dtype;
  std::vector<std::vector<double>> grads;
};

Got Run(const ExtremeCase& c, const std::vector<Tensor>& inputs, const std::vector<double>& dy) {
  std::vector<Tensor> leaves;
  for (const Tensor& input : inputs) {
    leaves.push_back(input.Detach());
    if (c.differentiable) leaves.back().SetRequiresGrad();
  }
  const Tensor y = c.run(leaves);
  Got got{ToDoubles(y), y.dtype(), {}};
  if (!c.differentiable) return got;
  const std::vector<double> seed(dy.begin(), dy.begin() + y.numel());
  Backward(y, {.seed = FromDoubles(y.shape(), seed, y.dtype(), y.device())});
  for (const Tensor& leaf : leaves) got.grads.push_back(ToDoubles(leaf.grad()));
  return got;
}

Wide Widen(const std::vector<double>& values) { return {values.begin(), values.end()}; }

PlainResult Expected(const ExtremeCase& c, const Call& call, const std::vector<double>& dy,
                     int64_t n) {
  std::vector<Wide> wide;
  std::vector<Tensor> tensors;
  for (size_t j = 0; j < call.inputs.size(); ++j) {
    wide.push_back(Widen(call.inputs[j]));
    tensors.push_back(FromDoubles(call.shapes[j], call.inputs[j], DType::kF64));
  }
  if (c.plain) return c.plain(wide, Widen(dy), static_cast<size_t>(n));
  const Got got = Run(c, tensors, dy);
  PlainResult result{Widen(got.output), {}};
  for (const auto& grad : got.grads) result.grads.push_back(Widen(grad));
  return result;
}

// Whether `got` is what `want` may become in `dtype`; `floor` is the magnitude below which errors
// are absolute.
bool Agrees(double got, long double want, DType dtype, double tolerance, double floor) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got);
  if (!IsFloating(dtype)) return got == static_cast<double>(want);
  const Limits limits = LimitsOf(dtype);
  const long double slack = 4 * static_cast<long double>(tolerance);
  if (std::isinf(got)) return (want > 0) == (got > 0) && std::abs(want) > limits.max * (1 - slack);
  if (std::isinf(want)) return false;
  const long double bounded = std::clamp<long double>(want, -limits.max, limits.max);
  if (bounded != want && std::abs(want) > limits.max * (1 + slack)) return false;  // not infinite
  const long double error = std::abs(got - bounded);
  return error <= tolerance * std::max<long double>(std::abs(bounded), floor) + 2 * limits.denormal;
}

// Splits "a, b".
std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> words;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(", ", at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 2;
  }
  return words;
}

bool Matches(const std::string& listed, const std::string& found) {
  const std::vector<std::string> a = Words(listed), b = Words(found);
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    if (a[i] != "*" && a[i] != b[i]) return false;
  }
  return a.size() == b.size();
}

// What differs in one case, and which of it is listed.
class Account {
 public:
  Account(const ExtremeCase& c, Device device) : c_(c), device_(device.is_cpu() ? "cpu" : "cuda") {}

  void Compare(const Call& call, const std::string& part, const std::vector<double>& got,
               const Wide& want, DType inputs, DType dtype, double floor, int64_t n) {
    if (got.size() != want.size()) {
      FAIL_CHECK(NameOf(c_) << ", " << part << ": " << got.size() << " elements, expected "
                            << want.size());
      return;
    }
    const double tolerance = Tolerance(OpTable().at(c_.op), inputs);
    compared_ += static_cast<int64_t>(got.size());
    for (size_t i = 0; i < got.size(); ++i) {
      if (Agrees(got[i], want[i], dtype, tolerance, floor)) continue;
      Add(part, call.extreme(i, got.size()), inputs,
          fmt::format("width {}, element {}: {:.9g}, expected {:.9g}", n, i, got[i],
                      static_cast<double>(want[i])));
    }
  }

  int64_t Finish() {
    for (const auto& [what, first] : unlisted_) FAIL_CHECK(what << ", " << first);
    for (const Deviation& d : Deviations()) {
      if (d.name != NameOf(c_) || d.devices.find(device_) == std::string::npos) continue;
      for (const DType dtype : d.dtypes) {
        for (const std::string& extreme : d.extremes) {
          if (met_.count({&d, dtype, extreme})) continue;
          FAIL_CHECK(d.name << " on " << device_ << ", " << d.part << ", " << Name(dtype) << ", "
                            << extreme << ": is listed as a deviation but agrees; strike it out");
        }
      }
    }
    return compared_;
  }

 private:
  void Add(const std::string& part, const std::string& extreme, DType dtype,
           const std::string& text) {
    bool listed = false;
    for (const Deviation& d : Deviations()) {
      if (d.name != NameOf(c_) || d.part != part || d.devices.find(device_) == std::string::npos ||
          std::count(d.dtypes.begin(), d.dtypes.end(), dtype) == 0) {
        continue;
      }
      for (const std::string& entry : d.extremes) {
        if (!Matches(entry, extreme)) continue;
        met_.insert({&d, dtype, entry});
        listed = true;
      }
    }
    if (listed) return;
    unlisted_.try_emplace(
        fmt::format("{} on {}, {}, {}, {}", NameOf(c_), device_, part, Name(dtype), extreme), text);
  }

  const ExtremeCase& c_;
  const std::string device_;
  int64_t compared_ = 0;
  std::map<std::string, std::string> unlisted_;
  std::set<std::tuple<const Deviation*, DType, std::string>> met_;
};

// The magnitude below which errors of this call are absolute.
double Floor(ErrorMeasure error, const Call& call) {
  if (error == ErrorMeasure::kRelative) return 0;
  double floor = 1;
  if (error == ErrorMeasure::kAbsolute) return floor;
  for (const auto& input : call.inputs) {
    for (const double value : input) {
      if (std::isfinite(value)) floor = std::max(floor, std::abs(value));
    }
  }
  return floor;
}

}  // namespace

const std::vector<std::string>& Extremes() {
  static const std::vector<std::string> names = {"nan",      "inf",        "-inf", "-0",
                                                 "denormal", "min normal", "max",  "lowest"};
  return names;
}

double ExtremeOf(const std::string& name, DType dtype) {
  const Limits limits = LimitsOf(dtype);
  if (name == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (name == "inf") return std::numeric_limits<double>::infinity();
  if (name == "-inf") return -std::numeric_limits<double>::infinity();
  if (name == "-0") return -0.0;
  if (name == "denormal") return 3 * limits.denormal;
  if (name == "min normal") return limits.min_normal;
  return name == "max" ? limits.max : -limits.max;
}

ExtremeCases::ExtremeCases(std::initializer_list<ExtremeCase> cases) {
  Cases().insert(Cases().end(), cases.begin(), cases.end());
}

const std::vector<ExtremeCase>& AllExtremeCases() { return Cases(); }

std::string NameOf(const ExtremeCase& c) { return c.name.empty() ? c.op : c.op + ", " + c.name; }

int64_t CheckExtremes(const ExtremeCase& c, Device device, const std::vector<int64_t>& widths,
                      const std::function<void(const std::function<void()>&)>& for_each) {
  Account account(c, device);
  for (const DType dtype : {DType::kF64, DType::kF32, DType::kBF16, DType::kF16}) {
    for (const int64_t n : widths) {
      ForEachCall(c, dtype, n, [&](const Call& call) {
        std::vector<Tensor> inputs;
        size_t most = 1;
        for (size_t j = 0; j < call.inputs.size(); ++j) {
          inputs.push_back(FromDoubles(call.shapes[j], call.inputs[j], dtype, device));
          most = std::max(most, call.inputs[j].size());
        }
        std::vector<double> dy;
        for (size_t i = 0; i < 2 * most + 8; ++i) dy.push_back(Ordinary(i + 5));
        const PlainResult want = Expected(c, call, dy, n);
        const double floor = Floor(c.error, call);
        const double grad_floor = Floor(c.gradient_error.value_or(c.error), call);
        for_each([&] {
          const Got got = Run(c, inputs, dy);
          account.Compare(call, "output", got.output, want.output, dtype, got.dtype, floor, n);
          for (size_t j = 0; j < want.grads.size() && c.differentiable; ++j) {
            if (want.grads[j].empty()) continue;
            account.Compare(call, "gradient " + std::to_string(j), got.grads[j], want.grads[j],
                            dtype, dtype, grad_floor, n);
          }
        });
      });
    }
  }
  return account.Finish();
}

}  // namespace convoy
