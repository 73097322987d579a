// Adam, and AdamW with decoupled weight decay.
#include "optim/adam.h"

#include <fmt/core.h>

#include <cmath>

#include "core/base/error.h"
#include "optim/optimizer_rules.h"

namespace convoy {
namespace {

constexpr double kMostBeta = 0.999999;

const RegisterOptimizer kAdamW({
    .name = "adamw",
    .settings = {{"beta1", "Decay of AdamW's first moment", 0.9, 0, kMostBeta},
                 {"beta2", "Decay of AdamW's second moment", 0.999, 0, kMostBeta}},
    .make =
        [](const FlatParameters& parameters, const RuleOptions& options) {
          return std::make_unique<AdamW>(parameters,
                                         AdamWOptions{.lr = options.lr,
                                                      .beta1 = options.settings.at("beta1"),
                                                      .beta2 = options.settings.at("beta2"),
                                                      .weight_decay = options.weight_decay,
                                                      .groups = options.groups});
        },
    .describe =
        [](const RuleOptions& options) {
          return fmt::format("AdamW, betas {} and {}", options.settings.at("beta1"),
                             options.settings.at("beta2"));
        },
});

}  // namespace

template <bool kDecoupled>
BasicAdam<kDecoupled>::BasicAdam(const FlatParameters& parameters, const Options& options)
    : Optimizer(parameters, {kDecoupled ? "AdamW" : "Adam",
                             options.lr,
                             options.weight_decay,
                             options.groups,
                             {"exp_avg", "exp_avg_sq"},
                             options.beta1,
                             options.beta2}),
      beta1_(options.beta1),
      beta2_(options.beta2),
      eps_(options.eps) {
  const char* name = kDecoupled ? "AdamW" : "Adam";
  CONVOY_CHECK(beta1_ >= 0 && beta1_ < 1, "[{}] beta1 must lie in [0, 1), got {}", name, beta1_);
  CONVOY_CHECK(beta2_ >= 0 && beta2_ < 1, "[{}] beta2 must lie in [0, 1), got {}", name, beta2_);
  CONVOY_CHECK(eps_ > 0 && std::isfinite(eps_), "[{}] eps must be over 0, got {}", name, eps_);
}

template <bool kDecoupled>
void BasicAdam<kDecoupled>::Update(const UpdateBucket& bucket) {
  adam_update(bucket.values.device(), bucket, {beta1_, beta2_, eps_, kDecoupled});
}

template class BasicAdam<false>;
template class BasicAdam<true>;

}  // namespace convoy
