// The settings of a model that the shapes of its parameters do not show: saved beside the
// parameters, and compared on loading.
#include "models/model_facts.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "core/base/error.h"
#include "models/io/json_text.h"
#include "models/io/model_config.h"

namespace convoy {
namespace {

/// One name for what several names stand for.
std::string Plain(const std::string& value) {
  static const std::map<std::string, std::string> kSame = {
      {"gelu_pytorch_tanh", "gelu_new"}, {"gelu_fast", "gelu_new"}, {"gelu_python", "gelu"}};
  const auto found = kSame.find(value);
  return found == kSame.end() ? value : found->second;
}

std::optional<double> ToNumber(const std::string& text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool Same(const std::string& a, const std::string& b) {
  if (Plain(a) == Plain(b)) return true;
  const std::optional<double> x = ToNumber(a), y = ToNumber(b);
  return x && y && *x == *y;
}

}  // namespace

void AddFacts(const std::vector<ModelFact>& facts, Metadata& metadata) {
  for (const ModelFact& fact : facts) metadata[fact.name] = fact.value;
}

void CheckFacts(const std::string& path, const Metadata& metadata,
                const std::vector<ModelFact>& facts) {
  const bool own = std::any_of(facts.begin(), facts.end(),
                               [&](const ModelFact& fact) { return metadata.contains(fact.name); });
  const Metadata found = own ? metadata : ReadModelConfig(path);
  for (const ModelFact& fact : facts) {
    const auto entry = found.find(fact.name);
    CONVOY_CHECK(entry == found.end() || Same(entry->second, fact.value),
                 "[Checkpoint] '{}' was saved by a model with {} {} (according to {}), but this "
                 "one has {}; {}",
                 path, fact.name, Excerpt(entry->second),
                 own ? "its metadata" : "the config.json beside it", fact.value, fact.way_out);
  }
}

}  // namespace convoy
