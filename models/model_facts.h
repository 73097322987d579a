// The settings of a model that the shapes of its parameters do not show: saved beside the
// parameters, and compared on loading.
#pragma once

#include <string>
#include <vector>

#include "models/io/tensor_file.h"

namespace convoy {

/// One setting, under the name and with the value that Hugging Face's config.json has for it.
struct ModelFact {
  std::string name;     ///< "n_head"
  std::string value;    ///< "12"
  std::string way_out;  ///< what to do about another value: "set GptOptions::heads (--heads)"
};

/// Adds the facts to a file's metadata.
void AddFacts(const std::vector<ModelFact>& facts, Metadata& metadata);

/// Compares a model with what was saved beside the parameters in the file `path`: in its metadata
/// or, where they say nothing, in a config.json in the same folder. Settings that neither has are
/// taken to fit. Throws: Error naming the setting, both values and the way out.
void CheckFacts(const std::string& path, const Metadata& metadata,
                const std::vector<ModelFact>& facts);

}  // namespace convoy
