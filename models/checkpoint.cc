// Checkpoints: parameters to and from safetensors files, in two layouts.
#include "models/checkpoint.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "core/autograd.h"
#include "core/error.h"
#include "ops/shape_ops.h"

namespace convoy {
namespace {

constexpr char kPrefix[] = "transformer.";

/// A parameter as it stands in a file.
struct Stored {
  NamedTensor parameter;
  bool transposed = false;

  Shape shape() const {
    const Shape& shape = parameter.tensor.shape();
    return transposed ? Shape{shape[1], shape[0]} : shape;
  }
};

std::vector<Stored> AsTheyAre(const ParameterList& parameters) {
  std::vector<Stored> stored;
  for (const NamedTensor& parameter : parameters) stored.push_back({parameter});
  return stored;
}

/// Hugging Face keeps the weights of GPT-2's dense layers as (in, out).
std::vector<Stored> AsHuggingFace(const Gpt& gpt) {
  std::vector<Stored> stored = AsTheyAre(gpt.Parameters());
  for (Stored& s : stored) {
    s.transposed = s.parameter.name.starts_with("h.") && s.parameter.tensor.ndim() == 2;
    if (s.parameter.name == "wte.weight") {  // without the padding
      const GptOptions& options = gpt.options();
      s.parameter.tensor = s.parameter.tensor.View({options.vocab_size, options.channels});
    }
  }
  return stored;
}

std::string Listed(std::vector<std::string> names) {
  constexpr size_t kShown = 5;
  const size_t more = names.size() > kShown ? names.size() - kShown : 0;
  names.resize(names.size() - more);
  std::string text = fmt::format("{}", fmt::join(names, ", "));
  return more > 0 ? text + fmt::format(" and {} more", more) : text;
}

bool IsFloatingName(const std::string& dtype) {
  return dtype == "F32" || dtype == "F64" || dtype == "BF16" || dtype == "F16";
}

/// The file's tensor for every parameter. `rename` maps a name in the file to the parameter's;
/// empty: passed over.
std::map<std::string, const SafetensorsFile::Entry*> Match(
    const std::string& path, const SafetensorsFile& file, const std::vector<Stored>& stored,
    const std::function<std::string(const std::string&)>& rename) {
  std::set<std::string> wanted;
  for (const Stored& s : stored) wanted.insert(s.parameter.name);
  std::map<std::string, const SafetensorsFile::Entry*> found;
  std::vector<std::string> missing, extra;
  for (const SafetensorsFile::Entry& entry : file.entries()) {
    const std::string name = rename(entry.name);
    if (name.empty()) continue;
    if (!wanted.contains(name) || !found.emplace(name, &entry).second) extra.push_back(entry.name);
  }
  for (const Stored& s : stored) {
    if (!found.contains(s.parameter.name)) missing.push_back(s.parameter.name);
  }
  CONVOY_CHECK(missing.empty(), "[Checkpoint] '{}' lacks {} of the model's {} tensors: {}", path,
               missing.size(), stored.size(), Listed(missing));
  CONVOY_CHECK(extra.empty(),
               "[Checkpoint] '{}' holds {} tensors that the model has no use for: {}", path,
               extra.size(), Listed(extra));
  return found;
}

void Load(const std::string& path, const std::vector<Stored>& stored,
          const std::function<std::string(const std::string&)>& rename) {
  const SafetensorsFile file(path);
  const auto found = Match(path, file, stored, rename);
  for (const Stored& s : stored) {
    const SafetensorsFile::Entry& entry = *found.at(s.parameter.name);
    CONVOY_CHECK(entry.dims == s.shape().ToVector(),
                 "[Checkpoint] '{}': {} is ({}) in the file, but the model has {}", path,
                 entry.name, fmt::join(entry.dims, ", "), s.shape().ToString());
    CONVOY_CHECK(IsFloatingName(entry.dtype),
                 "[Checkpoint] '{}': {} has dtype {}, expected F32, F64, BF16 or F16", path,
                 entry.name, entry.dtype);
  }
  const NoGrad no_grad;
  for (const Stored& s : stored) {
    const Tensor& to = s.parameter.tensor;
    Tensor value = file.Load(found.at(s.parameter.name)->name, to.device());
    if (s.transposed) value = Transpose(value);
    to.CopyFrom(value.dtype() == to.dtype() ? value : Cast(value, to.dtype()));
  }
}

void Save(const std::string& path, const std::vector<Stored>& stored, const Metadata& metadata) {
  const NoGrad no_grad;
  ParameterList tensors;
  for (const Stored& s : stored) {
    tensors.push_back({s.parameter.name, s.transposed ? Transpose(s.parameter.tensor.Detach())
                                                      : s.parameter.tensor.Detach()});
  }
  SaveSafetensors(path, tensors, metadata);
}

/// The name of a parameter of Gpt for one in Hugging Face's file; empty for what is not one.
std::string FromHuggingFace(const std::string& name) {
  const std::string bare = name.starts_with(kPrefix) ? name.substr(sizeof(kPrefix) - 1) : name;
  const bool mask = bare.ends_with(".attn.bias") || bare.ends_with(".attn.masked_bias");
  return mask || bare == "lm_head.weight" ? "" : bare;
}

}  // namespace

void SaveParameters(const std::string& path, const ParameterList& parameters) {
  Save(path, AsTheyAre(parameters), {});
}

void LoadParameters(const std::string& path, const ParameterList& parameters) {
  Load(path, AsTheyAre(parameters), [](const std::string& name) { return name; });
}

void SaveGpt(const std::string& path, const Gpt& gpt, const Metadata& metadata) {
  Metadata all = metadata;
  all["format"] = "pt";
  Save(path, AsHuggingFace(gpt), all);
}

void LoadGpt(const std::string& path, Gpt& gpt) { Load(path, AsHuggingFace(gpt), FromHuggingFace); }

}  // namespace convoy
