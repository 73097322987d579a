// Checkpoints: parameters to and from files.
#include "models/checkpoint.h"

#include "models/stored_tensors.h"

namespace convoy {
namespace {

std::vector<StoredTensor> AsTheyAre(const ParameterList& parameters) {
  std::vector<StoredTensor> stored;
  for (const NamedTensor& parameter : parameters) stored.push_back({parameter});
  return stored;
}

}  // namespace

void SaveParameters(const std::string& path, const ParameterList& parameters,
                    const std::vector<ModelFact>& facts) {
  Metadata metadata;
  AddFacts(facts, metadata);
  SaveStored(path, AsTheyAre(parameters), metadata);
}

LoadNotes LoadParameters(const std::string& path, const ParameterList& parameters,
                         const std::vector<ModelFact>& facts) {
  const auto file = TensorFormatOf(path).open(path);
  CheckFacts(path, file->metadata(), facts);
  const std::vector<StoredTensor> stored = AsTheyAre(parameters);
  const FileTensors found(*file, stored);
  LoadStored(*file, found.tensors, stored);
  return found.notes;
}

}  // namespace convoy
