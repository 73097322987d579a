// Measurements and predictions as JSON.
#include "tools/scaling/report/json.h"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "core/base/error.h"
#include "core/base/printable.h"
#include "models/io/json_text.h"
#include "tools/scaling/report/json_fields.h"

namespace convoy::scaling {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "convoy-scaling";
constexpr int kVersion = 1;
// Limits on a file: predictions for 300 numbers of workers have about 680,000 keys and values.
constexpr JsonLimits kLimits{.depth = 16, .values = 1 << 20, .string_bytes = 1 << 20};

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};

// nlohmann writes NaN and infinities as null, and other numbers as the shortest text that is read
// as the same bits.
template <typename T>
Json Write(const T& value) {
  if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
    return value;
  } else if constexpr (IsVector<T>::value) {
    Json json = Json::array();
    for (const auto& item : value) json.push_back(Write(item));
    return json;
  } else {
    Json json = Json::object();
    EachField(value, [&](const char* name, const auto& member) { json[name] = Write(member); });
    return json;
  }
}

class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  // `place` is "measurements[2].step_ms".
  template <typename T>
  void Read(const Json& json, const std::string& place, T& value) const {
    if constexpr (std::is_same_v<T, std::string>) {
      Expect(json.is_string(), json, place, "a text");
      value = Printable(json.get_ref<const std::string&>());
    } else if constexpr (std::is_floating_point_v<T>) {
      Expect(json.is_number() || json.is_null(), json, place, "a number or null");
      value = json.is_null() ? std::numeric_limits<T>::quiet_NaN() : json.get<T>();
    } else if constexpr (std::is_integral_v<T>) {
      Expect(Fits<T>(json), json, place,
             sizeof(T) > 4 ? "a whole number" : "a whole number of 32 bits");
      value = json.get<T>();
    } else if constexpr (IsVector<T>::value) {
      Expect(json.is_array(), json, place, "an array");
      for (size_t i = 0; i < json.size();
           ++i) {  // not resized at once: a struct is far larger than its JSON
        Read(json[i], fmt::format("{}[{}]", place, i), value.emplace_back());
      }
    } else {
      Expect(json.is_object(), json, place, "an object");
      EachField(value, [&](const char* name, auto& member) {
        const auto found = json.find(name);
        const std::string below = place.empty() ? name : place + "." + name;
        CONVOY_CHECK(found != json.end(), "[scaling] {}: {}: expected it, and it is missing", file_,
                     below);
        Read(*found, below, member);
      });
    }
  }

  void Expect(bool as_expected, const Json& json, const std::string& place,
              const char* what) const {
    if (as_expected) return;
    std::string got = Printable(json.dump(-1, ' ', false, Json::error_handler_t::replace));
    if (got.size() > 40) got = json.type_name();
    Fail("[scaling] {}: {}: expected {}, got {}", file_, place.empty() ? "the file" : place, what,
         got);
  }

 private:
  template <typename T>
  static bool Fits(const Json& json) {
    if (json.is_number_unsigned()) {
      return json.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<T>::max());
    }
    return json.is_number_integer() && json.get<int64_t>() >= std::numeric_limits<T>::min();
  }

  std::string file_;
};

}  // namespace

std::string ScalingJson(const ScalingResults* results, std::span<const Prediction> predictions) {
  Json json = {{"format", kFormat}, {"version", kVersion}};
  json["results"] = results == nullptr ? Json() : Write(*results);
  json["predictions"] = Write(std::vector<Prediction>(predictions.begin(), predictions.end()));
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

SavedScaling ParseScalingJson(const std::string& text, const std::string& file) {
  Json json;
  try {
    CheckJsonText(text, kLimits);
    json = Json::parse(text);
  } catch (const nlohmann::json::exception& problem) {
    Fail("[scaling] {}: expected JSON that --json has written, got: {}", file,
         JsonProblem(problem));
  } catch (const Error& problem) {
    Fail("[scaling] {}: expected JSON that --json has written: {}", file, problem.what());
  }
  const Reader reader(file);
  reader.Expect(json.is_object() && json.value("format", Json()) == kFormat, json, "",
                "an object with \"format\": \"convoy-scaling\", as --json writes it");
  int version = 0;
  reader.Read(json.value("version", Json()), "version", version);
  CONVOY_CHECK(version == kVersion,
               "[scaling] {}: expected version {}, got {}; show it with the program that wrote it",
               file, kVersion, version);
  SavedScaling saved;
  const Json results = json.value("results", Json());
  if (!results.is_null()) reader.Read(results, "results", saved.results.emplace());
  reader.Read(json.value("predictions", Json::array()), "predictions", saved.predictions);
  return saved;
}

}  // namespace convoy::scaling
