// Parameters as they stand in a file: matched by name, checked, and copied.
#include "models/stored_tensors.h"

#include <fmt/ranges.h>

#include <map>
#include <set>

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/base/printable.h"
#include "models/tensor_names.h"
#include "ops/cast.h"
#include "ops/shape_ops.h"

namespace convoy {
namespace {

using Entry = TensorFile::Entry;

std::string Listed(std::vector<std::string> names) {
  constexpr size_t kShown = 5;
  const size_t more = names.size() > kShown ? names.size() - kShown : 0;
  names.resize(names.size() - more);
  std::string text = Printable(fmt::format("{}", fmt::join(names, ", ")));
  return more > 0 ? text + fmt::format(" and {} more", more) : text;
}

bool IsFloatingName(const std::string& dtype) {
  return dtype == "F32" || dtype == "F64" || dtype == "BF16" || dtype == "F16";
}

/// The file's tensor for every parameter.
std::map<std::string, const Entry*> Match(
    const std::string& path, const std::vector<std::pair<std::string, const Entry*>>& tensors,
    const std::vector<StoredTensor>& stored) {
  std::set<std::string> wanted;
  for (const StoredTensor& s : stored) wanted.insert(s.parameter.name);
  std::map<std::string, const Entry*> found;
  std::vector<std::string> missing, extra;
  for (const auto& [name, entry] : tensors) {
    if (!wanted.contains(name) || !found.emplace(name, entry).second) extra.push_back(entry->name);
  }
  for (const StoredTensor& s : stored) {
    if (!found.contains(s.parameter.name)) missing.push_back(s.parameter.name);
  }
  CONVOY_CHECK(missing.empty(), "[Checkpoint] '{}' lacks {} of the model's {} tensors: {}{}", path,
               missing.size(), stored.size(), Listed(missing),
               extra.empty() ? ""
                             : fmt::format("; it holds {} that the model has no use for: {}",
                                           extra.size(), Listed(extra)));
  CONVOY_CHECK(extra.empty(),
               "[Checkpoint] '{}' holds {} tensors that the model has no use for: {}", path,
               extra.size(), Listed(extra));
  return found;
}

}  // namespace

Shape StoredTensor::shape() const {
  const Shape& shape = parameter.tensor.shape();
  return transposed ? Shape{shape[1], shape[0]} : shape;
}

FileTensors::FileTensors(const TensorFile& file, const std::vector<StoredTensor>& stored) {
  std::vector<std::string> names, wanted;
  for (const Entry& entry : file.entries()) names.push_back(entry.name);
  for (const StoredTensor& s : stored) wanted.push_back(s.parameter.name);
  const PlainNames plain = DropWrappers(names, wanted);
  for (size_t i = 0; i < names.size(); ++i) {
    tensors.emplace_back(plain.names[i], &file.entries()[i]);
  }
  for (const std::string& dropped : plain.dropped) {
    notes.push_back(fmt::format("names without '{}'", dropped));
  }
}

const Entry* FileTensors::Find(const std::string& name) const {
  for (const auto& [plain, entry] : tensors) {
    if (plain == name) return entry;
  }
  return nullptr;
}

void LoadStored(const TensorFile& file,
                const std::vector<std::pair<std::string, const Entry*>>& tensors,
                const std::vector<StoredTensor>& stored) {
  const std::string& path = file.path();
  const auto found = Match(path, tensors, stored);
  for (const StoredTensor& s : stored) {
    const Entry& entry = *found.at(s.parameter.name);
    CONVOY_CHECK(entry.dims == s.shape().ToVector(),
                 "[Checkpoint] '{}': {} is ({}) in the file, but the model has {}", path,
                 Printable(entry.name), fmt::join(entry.dims, ", "), s.shape().ToString());
    CONVOY_CHECK(IsFloatingName(entry.dtype),
                 "[Checkpoint] '{}': {} has dtype {}, expected F32, F64, BF16 or F16", path,
                 Printable(entry.name), entry.dtype);
  }
  const NoGrad no_grad;
  for (const StoredTensor& s : stored) {
    const Tensor& to = s.parameter.tensor;
    Tensor value = file.Load(found.at(s.parameter.name)->name, to.device());
    if (s.transposed) value = Transpose(value);
    to.CopyFrom(value.dtype() == to.dtype() ? value : Cast(value, to.dtype()));
  }
}

void SaveStored(const std::string& path, const std::vector<StoredTensor>& stored,
                const Metadata& metadata) {
  const NoGrad no_grad;
  ParameterList tensors;
  for (const StoredTensor& s : stored) {
    tensors.push_back({s.parameter.name, s.transposed ? Transpose(s.parameter.tensor.Detach())
                                                      : s.parameter.tensor.Detach()});
  }
  TensorFormatOf(path).save(path, tensors, metadata);
}

}  // namespace convoy
