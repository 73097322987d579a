// Hyper-parameters that differ between parameters.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "core/tensor.h"

namespace convoy {

/// Parameters for which `matches` holds, and what is special about them. Of several groups that
/// match, the first counts; a parameter that none matches has the optimizer's own values.
struct ParamGroup {
  std::function<bool(const NamedTensor& parameter)> matches;
  double lr_scale = 1;                 ///< times the optimizer's learning rate
  std::optional<double> weight_decay;  ///< none: the optimizer's
};

/// No weight decay on parameters with fewer than two dimensions: biases, and the scales and shifts
/// of norms. `Sgd sgd(parameters, {.weight_decay = 0.1, .groups = NoDecayOnBiasesAndNorms()});`
std::vector<ParamGroup> NoDecayOnBiasesAndNorms();

}  // namespace convoy
