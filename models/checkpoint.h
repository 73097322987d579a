// Saving and loading the parameters of a model.
#pragma once

#include <string>
#include <vector>

#include "core/tensor.h"
#include "models/io/tensor_file.h"
#include "models/model_facts.h"

namespace convoy {

/// What a user may want to know about how a file was read, in a few words each: "names without
/// '_orig_mod.'". Empty if there is nothing to report.
using LoadNotes = std::vector<std::string>;

/// Writes the parameters under their names, in their own dtype, and beside them the facts about the
/// model that no shape shows, in the format that
/// `path` says (TensorFormatOf: safetensors). The file appears whole or not at all. Throws: Error
/// naming the path and the reason.
void SaveParameters(const std::string& path, const ParameterList& parameters,
                    const std::vector<ModelFact>& facts = {});

/// Overwrites the parameters with the tensors of the same names; f32, f64, bf16 and f16 are
/// converted to the parameter's dtype. What wrappers of PyTorch have put into the names
/// ("_orig_mod.", "module.") is dropped. Nothing is changed unless everything fits.
/// Throws: Error naming the tensors that the file lacks and those that the model has no use for,
/// the first one whose shape or dtype does not fit, or the first of `facts` that was saved with
/// another value.
LoadNotes LoadParameters(const std::string& path, const ParameterList& parameters,
                         const std::vector<ModelFact>& facts = {});

}  // namespace convoy
