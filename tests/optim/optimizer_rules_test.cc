// Optimizers by name: those that come with Convoy, and a user's own.
#include "optim/optimizer_rules.h"

#include <catch2/catch.hpp>

#include "core/autograd.h"
#include "core/base/error.h"
#include "optim/adam.h"
#include "optim/sgd.h"

namespace convoy {
namespace {

// Ten times as bold as Sgd, whose kernel it uses.
const RegisterOptimizer kBold({
    .name = "bold",
    .settings = {{"boldness", "Factor on the learning rate", 10, 1, 100},
                 {"momentum", "Momentum of the bold rule", 0.5, 0, 1},
                 {"unused", "Nothing", 0, 0, 1}},
    .make =
        [](const FlatParameters& parameters, const RuleOptions& options) {
          return std::make_unique<Sgd>(
              parameters, SgdOptions{.lr = options.lr * options.settings.at("boldness")});
        },
    .describe =
        [](const RuleOptions& options) {
          return "bold " + std::to_string(static_cast<int>(options.settings.at("boldness")));
        },
});

Tensor Parameter() {
  Tensor x = Tensor::Full({3}, 1);
  x.SetRequiresGrad(true);
  return x;
}

TEST_CASE("Rules are listed in a fixed order, whatever file registers first") {
  std::vector<std::string> names;
  for (const OptimizerRule* rule : OptimizerRules()) names.push_back(rule->name);
  CHECK(names == std::vector<std::string>{"sgd", "adamw", "bold"});
}

TEST_CASE("A rule makes its optimizer from the settings given and its own initial values") {
  const Tensor x = Parameter();
  const FlatParameters flat({{"x", x}});
  CHECK(dynamic_cast<Sgd*>(MakeOptimizer("sgd", flat, {.lr = 0.5}).get()) != nullptr);
  const auto adamw = MakeOptimizer("adamw", flat, {.lr = 0.25, .settings = {{"beta1", 0.5}}});
  CHECK(dynamic_cast<AdamW*>(adamw.get()) != nullptr);
  CHECK(adamw->lr() == 0.25);
  CHECK(DescribeOptimizer("adamw", {.settings = {{"beta1", 0.5}}}) == "AdamW, betas 0.5 and 0.999");
  CHECK(DescribeOptimizer("sgd", {}) == "SGD, momentum 0.9");
  CHECK(MakeOptimizer("bold", flat, {.lr = 0.5})->lr() == 5);
  CHECK(MakeOptimizer("bold", flat, {.lr = 0.5, .settings = {{"boldness", 2}}})->lr() == 1);
}

TEST_CASE("Unknown names and settings are refused, with what there is") {
  const FlatParameters flat({{"x", Parameter()}});
  CHECK_THROWS_WITH(MakeOptimizer("rmsprop", flat, {}),
                    "[Optimizer] no optimizer is called 'rmsprop'; there are sgd, adamw, bold");
  CHECK_THROWS_WITH(MakeOptimizer("sgd", flat, {.settings = {{"beta1", 0.5}}}),
                    "[Optimizer] sgd has no setting 'beta1'");
  CHECK_THROWS_WITH(MakeOptimizer("adamw", flat, {.settings = {{"beta2", 1}}}),
                    "[AdamW] beta2 must lie in [0, 1), got 1");
}

}  // namespace
}  // namespace convoy
