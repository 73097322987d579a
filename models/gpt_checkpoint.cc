// Checkpoints of GPTs, in Hugging Face's layout.
#include "models/gpt_checkpoint.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/error.h"
#include "models/stored_tensors.h"

namespace convoy {
namespace {

using Entry = TensorFile::Entry;

constexpr char kPrefix[] = "transformer.";
constexpr char kTable[] = "wte.weight";
constexpr char kOutput[] = "lm_head.weight";
constexpr char kTied[] = "tie_word_embeddings";  // in the metadata, as in config.json

/// Hugging Face keeps the weights of GPT-2's dense layers as (in, out).
std::vector<StoredTensor> AsHuggingFace(const Gpt& gpt) {
  const GptOptions& options = gpt.options();
  std::vector<StoredTensor> stored;
  for (const NamedTensor& parameter : gpt.Parameters()) {
    StoredTensor s{parameter};
    s.transposed = s.parameter.name.starts_with("h.") && s.parameter.tensor.ndim() == 2;
    if (s.parameter.name == kTable || s.parameter.name == kOutput) {  // without the padding
      s.parameter.tensor = s.parameter.tensor.View({options.vocab_size, options.channels});
    }
    stored.push_back(s);
  }
  return stored;
}

/// The name of a parameter of Gpt for one in Hugging Face's file; empty for what is not one.
std::string FromHuggingFace(const std::string& name) {
  const std::string bare = name.starts_with(kPrefix) ? name.substr(sizeof(kPrefix) - 1) : name;
  const bool mask = bare.ends_with(".attn.bias") || bare.ends_with(".attn.masked_bias");
  return mask ? "" : bare;
}

FileTensors GptTensors(const TensorFile& file, const std::vector<StoredTensor>& stored) {
  FileTensors found(file, stored);
  for (auto& [name, entry] : found.tensors) name = FromHuggingFace(name);
  std::erase_if(found.tensors, [](const auto& tensor) { return tensor.first.empty(); });
  return found;
}

bool HasOwnOutputLayer(const TensorFile& file, const FileTensors& found) {
  const auto tied = file.metadata().find(kTied);
  if (tied != file.metadata().end()) return tied->second == "false";
  const Entry* table = found.Find(kTable);
  const Entry* output = found.Find(kOutput);
  return table != nullptr && output != nullptr && !file.SameElements(*table, *output);
}

/// Gives the token table and the output layer their tensors, whichever of the two the file has.
void MatchOutputLayer(const std::string& path, bool tied, bool own, FileTensors& found) {
  const Entry* table = found.Find(kTable);
  const Entry* output = found.Find(kOutput);
  CONVOY_CHECK(
      !tied || !own,
      "[Checkpoint] '{}' has an output layer of its own, {} apart from {}; the model needs "
      "GptOptions::tie_embeddings = false (--untie-embeddings)",
      path, kOutput, kTable);
  if (own) return;  // the model wants both
  if (table == nullptr && output != nullptr) {
    found.notes.push_back(std::string(kOutput) + " is the token table too");
    found.tensors.emplace_back(kTable, output);
  }
  if (tied) {
    std::erase_if(found.tensors, [](const auto& tensor) { return tensor.first == kOutput; });
  } else if (output == nullptr && table != nullptr) {
    found.notes.push_back("the output layer starts as a copy of the token table");
    found.tensors.emplace_back(kOutput, table);
  }
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

void SaveGpt(const std::string& path, const Gpt& gpt, const Metadata& metadata) {
  Metadata all = metadata;
  all["format"] = "pt";
  all[kTied] = gpt.options().tie_embeddings ? "true" : "false";
  AddFacts(FactsOf(gpt.options()), all);
  SaveStored(path, AsHuggingFace(gpt), all);
}

LoadNotes LoadGpt(const std::string& path, Gpt& gpt) {
  const auto file = TensorFormatOf(path).open(path);
  CheckFacts(path, file->metadata(), FactsOf(gpt.options()));
  const std::vector<StoredTensor> stored = AsHuggingFace(gpt);
  FileTensors found = GptTensors(*file, stored);
  MatchOutputLayer(path, gpt.options().tie_embeddings, HasOwnOutputLayer(*file, found), found);
  LoadStored(*file, found.tensors, stored);
  return found.notes;
}

bool HasOwnOutputLayer(const std::string& path) {
  const auto file = TensorFormatOf(path).open(path);
  return HasOwnOutputLayer(*file, GptTensors(*file, {}));
}

}  // namespace convoy
