// Stochastic gradient descent with momentum.
#include "optim/sgd.h"

#include <fmt/core.h>

#include "core/base/error.h"
#include "optim/optimizer_rules.h"

namespace convoy {
namespace {

std::vector<std::string> StateNames(const SgdOptions& options) {
  if (options.momentum == 0) return {};
  return {"momentum"};
}

const RegisterOptimizer kSgd({
    .name = "sgd",
    .settings = {{"momentum", "Momentum of SGD", 0.9, 0, 0.999999}},
    .make =
        [](const FlatParameters& parameters, const RuleOptions& options) {
          return std::make_unique<Sgd>(parameters,
                                       SgdOptions{.lr = options.lr,
                                                  .momentum = options.settings.at("momentum"),
                                                  .weight_decay = options.weight_decay,
                                                  .groups = options.groups});
        },
    .describe =
        [](const RuleOptions& options) {
          return fmt::format("SGD, momentum {}", options.settings.at("momentum"));
        },
});

}  // namespace

Sgd::Sgd(const FlatParameters& parameters, const SgdOptions& options)
    : Optimizer(parameters,
                {"Sgd", options.lr, options.weight_decay, options.groups, StateNames(options)}),
      momentum_(options.momentum),
      nesterov_(options.nesterov) {
  CONVOY_CHECK(momentum_ >= 0 && momentum_ < 1, "[Sgd] momentum must lie in [0, 1), got {}",
               momentum_);
  CONVOY_CHECK(!nesterov_ || momentum_ > 0, "[Sgd] Nesterov wants a momentum over 0");
}

void Sgd::Update(const UpdateBucket& bucket) {
  sgd_update(bucket.values.device(), bucket, {momentum_, nesterov_});
}

}  // namespace convoy
