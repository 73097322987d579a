// What a checkpoint of an Mlp holds beside its parameters.
#include "models/mlp_checkpoint.h"

#include <fmt/ranges.h>

namespace convoy {

std::vector<ModelFact> FactsOf(const MlpOptions& options) {
  std::vector<int64_t> sizes{options.in};
  sizes.insert(sizes.end(), options.hidden.begin(), options.hidden.end());
  sizes.push_back(options.out);
  return {
      {"model_type", "mlp", "this is another kind of model"},
      {"layer_sizes", fmt::format("{}", fmt::join(sizes, "-")),
       "set MlpOptions::hidden (--hidden), and take data of the same sizes"},
      {"activation_function", "relu", "Mlp has no other"},
  };
}

}  // namespace convoy
