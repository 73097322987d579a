// What a checkpoint of an Mlp holds beside its parameters.
#pragma once

#include <vector>

#include "models/mlp.h"
#include "models/model_facts.h"

namespace convoy {

/// The settings of an Mlp that the shapes of its parameters do not show, for SaveParameters and
/// LoadParameters.
std::vector<ModelFact> FactsOf(const MlpOptions& options);

}  // namespace convoy
