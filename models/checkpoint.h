// Saving and loading the parameters of a model as safetensors.
#pragma once

#include <string>
#include <vector>

#include "core/tensor.h"
#include "models/gpt.h"
#include "models/io/safetensors.h"
#include "models/model_facts.h"

namespace convoy {

/// What a user may want to know about how a file was read, in a few words each: "names without
/// '_orig_mod.'". Empty if there is nothing to say.
using LoadNotes = std::vector<std::string>;

/// Writes the parameters under their names, in their own dtype, and beside them what their shapes
/// do not tell. The file appears whole or not at all. Throws: Error naming the path and the reason.
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

/// As SaveParameters, in the layout of Hugging Face's GPT-2: the weights of the dense layers, which
/// it calls Conv1D, are transposed to (in, out). A tied output layer is not written, nor the
/// padding of the vocabulary. `metadata` goes into the header, beside the model's facts and the
/// "format" that Hugging Face asks for.
void SaveGpt(const std::string& path, const Gpt& gpt, const Metadata& metadata = {});

/// As LoadParameters, from Hugging Face's layout. Names may start with "transformer."; causal masks
/// ("h.0.attn.bias", "h.0.attn.masked_bias") are passed over.
///
/// The output layer: a tied model takes "lm_head.weight" where "wte.weight" is missing, and accepts
/// both if they are equal. A model with an output layer of its own that the file lacks starts it as
/// a copy of the token table.
/// Throws: Error also if the model is tied and HasOwnOutputLayer(path).
LoadNotes LoadGpt(const std::string& path, Gpt& gpt);

/// Whether the GPT in the file has an output layer of its own: Convoy's metadata say so, or there
/// is a "lm_head.weight" that differs from "wte.weight". Throws: Error as SafetensorsFile.
bool HasOwnOutputLayer(const std::string& path);

}  // namespace convoy
