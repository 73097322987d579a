// What the shapes of a model's parameters do not tell: kept beside them, and compared on loading.
#include "models/model_facts.h"

#include <fmt/ranges.h>

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

std::vector<ModelFact> FactsOf(const GptOptions& options) {
  return {
      {"model_type", "gpt2", "this is another kind of model"},
      {"n_head", std::to_string(options.heads), "set GptOptions::heads (--heads)"},
      {"activation_function", options.gelu == GeluKind::kTanh ? "gelu_new" : "gelu",
       "set GptOptions::gelu (--gelu tanh is gelu_new, --gelu exact is gelu; there are no others)"},
      {"layer_norm_epsilon", fmt::format("{}", options.layer_norm_eps),
       "set GptOptions::layer_norm_eps (--layer-norm-eps)"},
      {"scale_attn_weights", "true", "Gpt has no other attention"},
      {"scale_attn_by_inverse_layer_idx", "false", "Gpt has no other attention"},
  };
}

std::vector<ModelFact> FactsOf(const MlpOptions& options) {
  std::vector<int64_t> sizes{options.in};
  sizes.insert(sizes.end(), options.hidden.begin(), options.hidden.end());
  sizes.push_back(options.out);
  return {
      {"model_type", "mlp", "this is another kind of model"},
      {"layer_sizes", fmt::format("{}", fmt::join(sizes, "-")),
       "set MlpOptions::hidden (--hidden), and take data of the same sizes"},
      {"activation_function", "relu", "Mlp has no other"},
  };
}

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
