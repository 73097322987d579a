// Every op against values and gradients of an independent implementation, from reference/*.json.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include "tests/json.h"
#include "tests/ops/drivers.h"

namespace convoy {
namespace {

using Json = nlohmann::json;

constexpr const char* kHowToMake =
    "run tests/ops/reference/generate.py (tests/ops/README.md says how)";

// JSON has no infinities and NaNs: they are strings.
Json FromDouble(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

double ToDouble(const Json& json) {
  if (json.is_number()) return json.get<double>();
  const std::string text = json.get<std::string>();
  const double infinity = std::numeric_limits<double>::infinity();
  return text == "inf" ? infinity : text == "-inf" ? -infinity : std::nan("");
}

Json ToJson(const Tensor& tensor) {
  Json values = Json::array();
  for (const double value : ToDoubles(tensor)) values.push_back(FromDouble(value));
  return {
      {"dtype", Name(tensor.dtype())}, {"shape", tensor.shape().ToVector()}, {"values", values}};
}

// As f64, whatever the dtype was.
Tensor FromJson(const Json& json) {
  std::vector<double> values;
  for (const Json& value : json.at("values")) values.push_back(ToDouble(value));
  return FromDoubles(Shape(json.at("shape").get<std::vector<int64_t>>()), values, DType::kF64);
}

bool HasReference(const Sample& sample) {
  return !sample.large && sample.no_reference_because.empty();
}

Json InputsToJson(const OpSpec& row, const Sample& sample) {
  Json inputs = Json::array();
  const std::vector<Tensor> tensors = MakeInputs(row, sample, DType::kF64);
  const std::vector<bool> wants = Differentiable(row, sample, DType::kF64);
  for (size_t i = 0; i < tensors.size(); ++i) {
    inputs.push_back(ToJson(tensors[i]));
    inputs.back()["grad"] = static_cast<bool>(wants[i]);
  }
  return inputs;
}

const Json& ReferenceOf(const std::string& op) {
  static std::map<std::string, Json> files;
  const auto [file, is_new] = files.try_emplace(op);
  if (is_new) {
    const std::string path = "tests/ops/reference/" + op + ".json";
    if (std::filesystem::exists(path)) file->second = ReadJson(path);
  }
  return file->second;
}

TEST_CASE("every op agrees with the independent reference") {
  ForEachSample([](const OpSpec& row, const Sample& sample) {
    if (!HasReference(sample)) return;
    const Json& file = ReferenceOf(row.op);
    INFO(kHowToMake);
    REQUIRE(file.contains(sample.name));
    const Json& reference = file.at(sample.name);
    const bool up_to_date = reference.at("torch") == TorchOf(row, sample) &&
                            reference.at("inputs") == InputsToJson(row, sample);
    REQUIRE(up_to_date);
    Result want{FromJson(reference.at("output")), {}};
    for (const Json& grad : reference.at("grads")) {
      want.grads.push_back(grad.is_null() ? Tensor() : FromJson(grad));
    }
    for (const DType dtype : {DType::kF64, DType::kF32}) {
      INFO("dtype " << Name(dtype));
      const Result got = Evaluate(RunOf(row, sample), MakeInputs(row, sample, dtype),
                                  Differentiable(row, sample, dtype));
      CHECK(Difference(got, want, Tolerance(row, dtype)) == "");
    }
  });
}

TEST_CASE("no reference is left over from an op or a sample that is gone") {
  for (const auto& [op, row] : OpTable()) {
    for (const auto& [name, reference] : ReferenceOf(op).items()) {
      INFO(op << "/" << name << ": " << kHowToMake);
      CHECK(std::any_of(row.samples.begin(), row.samples.end(), [&name = name](const Sample& s) {
        return s.name == name && HasReference(s);
      }));
    }
  }
}

// Not a check: generate.py runs it to learn the samples and their inputs.
TEST_CASE("writes the samples to the file named by CONVOY_OP_SAMPLES", "[.][samples]") {
  const char* path = std::getenv("CONVOY_OP_SAMPLES");
  REQUIRE(path != nullptr);
  Json table;
  for (const auto& [op, row] : OpTable()) {
    Json& samples = table[op] = Json::object();
    for (const Sample& sample : row.samples) {
      if (!HasReference(sample)) continue;
      samples[sample.name] = {{"torch", TorchOf(row, sample)},
                              {"inputs", InputsToJson(row, sample)}};
    }
  }
  std::ofstream(path) << table;
}

}  // namespace
}  // namespace convoy
