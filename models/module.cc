// Module: the tree of parameters and sub-modules.
#include "models/module.h"

#include <utility>

#include "core/base/error.h"

namespace convoy {

void Module::CheckName(const std::string& name) const {
  CONVOY_CHECK(!name.empty() && name.find('.') == std::string::npos,
               "[Module] a parameter or sub-module needs a name without dots, got '{}'", name);
  for (const Entry& entry : entries_) {
    CONVOY_CHECK(entry.name != name, "[Module] there is a parameter or sub-module '{}' already",
                 name);
  }
}

Tensor Module::AddParameter(const std::string& name, Tensor value) {
  CheckName(name);
  CONVOY_CHECK(value.defined(), "[Module] parameter '{}' is undefined", name);
  value.SetRequiresGrad();
  entries_.push_back({name, value, nullptr});
  return value;
}

void Module::AddModule(const std::string& name, Module& child) {
  if (!name.empty()) CheckName(name);
  CONVOY_CHECK(&child != this, "[Module] '{}' cannot be a sub-module of itself", name);
  entries_.push_back({name, Tensor(), &child});
}

void Module::Collect(const std::string& prefix, ParameterList& list) const {
  for (const Entry& entry : entries_) {
    if (entry.child == nullptr) {
      list.push_back({prefix + entry.name, entry.parameter});
    } else {
      entry.child->Collect(entry.name.empty() ? prefix : prefix + entry.name + ".", list);
    }
  }
}

ParameterList Module::Parameters() const {
  ParameterList list;
  Collect("", list);
  return list;
}

int64_t Module::ParameterCount() const {
  int64_t count = 0;
  for (const NamedTensor& parameter : Parameters()) count += parameter.tensor.numel();
  return count;
}

void Module::Train(bool training) {
  training_ = training;
  for (const Entry& entry : entries_) {
    if (entry.child != nullptr) entry.child->Train(training);
  }
}

void Module::Reseed(uint64_t seed) {
  Random seeds(seed);
  ReseedFrom(seeds);
}

void Module::ReseedFrom(Random& seeds) {
  const auto block = seeds.NextStream().Block(0);
  streams_ = StreamSource(uint64_t{block[0]} << 32 | block[1]);
  for (const Entry& entry : entries_) {
    if (entry.child != nullptr) entry.child->ReseedFrom(seeds);
  }
}

}  // namespace convoy
