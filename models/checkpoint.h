// Saving and loading the parameters of a model as safetensors.
#pragma once

#include <string>

#include "core/tensor.h"
#include "models/gpt.h"
#include "models/io/safetensors.h"

namespace convoy {

/// Writes the parameters under their names, in their own dtype. The file appears whole or not at
/// all. Throws: Error naming the path and the reason.
void SaveParameters(const std::string& path, const ParameterList& parameters);

/// Overwrites the parameters with the tensors of the same names; f32, f64, bf16 and f16 are
/// converted to the parameter's dtype. Nothing is changed unless everything fits.
/// Throws: Error naming the tensors that the file lacks, those that the model has no use for, or
/// the first one whose shape or dtype does not fit.
void LoadParameters(const std::string& path, const ParameterList& parameters);

/// As SaveParameters, in the layout of Hugging Face's GPT-2: the weights of the dense layers, which
/// it calls Conv1D, are transposed to (in, out). The tied output layer is not written, nor the
/// padding of the vocabulary. `metadata` goes into the header, beside the "format" that Hugging
/// Face asks for.
void SaveGpt(const std::string& path, const Gpt& gpt, const Metadata& metadata = {});

/// As LoadParameters, from Hugging Face's layout. Names may start with "transformer."; causal masks
/// ("h.0.attn.bias", "h.0.attn.masked_bias") and the tied "lm_head.weight" are passed over.
void LoadGpt(const std::string& path, Gpt& gpt);

}  // namespace convoy
