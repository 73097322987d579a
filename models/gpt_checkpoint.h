// Checkpoints of GPTs, in Hugging Face's layout.
#pragma once

#include <string>
#include <vector>

#include "models/checkpoint.h"
#include "models/gpt.h"
#include "models/io/tensor_file.h"
#include "models/model_facts.h"

namespace convoy {

/// Saves as SaveParameters does, but in the layout of Hugging Face's GPT-2: the weights of the
/// dense layers, which it calls Conv1D, are transposed to (in, out). A tied output layer is not
/// written, nor the padding of the vocabulary. `metadata` goes into the header, beside the model's
/// facts and the "format" that Hugging Face asks for.
void SaveGpt(const std::string& path, const Gpt& gpt, const Metadata& metadata = {});

/// Loads as LoadParameters does, but from Hugging Face's layout. Names may start with
/// "transformer."; causal masks
/// ("h.0.attn.bias", "h.0.attn.masked_bias") are passed over.
///
/// The output layer: a tied model takes "lm_head.weight" where "wte.weight" is missing, and accepts
/// both if they are equal. A model with an output layer of its own that the file lacks starts it as
/// a copy of the token table.
/// Throws: Error also if the model is tied and HasOwnOutputLayer(path).
LoadNotes LoadGpt(const std::string& path, Gpt& gpt);

/// Whether the GPT in the file has an output layer of its own: Convoy's metadata say so, or there
/// is a "lm_head.weight" that differs from "wte.weight". Throws: Error as TensorFormat::open.
bool HasOwnOutputLayer(const std::string& path);

/// The settings of a GPT that the shapes of its parameters do not show.
std::vector<ModelFact> FactsOf(const GptOptions& options);

}  // namespace convoy
