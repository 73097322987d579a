// The flags of the optimizer: which rule, with which settings and learning rate.
#include "models/trainers/common/optimizer_flags.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "core/base/exit_status.h"
#include "models/trainers/common/checks.h"
#include "models/trainers/common/given_flags.h"

namespace convoy {
namespace {

std::map<std::string, std::string> RuleNames() {
  std::map<std::string, std::string> names;
  for (const OptimizerRule* rule : OptimizerRules()) names.emplace(rule->name, rule->name);
  return names;
}

/// Every setting that a rule has, once.
std::vector<RuleSetting> AllSettings() {
  std::vector<RuleSetting> all;
  for (const OptimizerRule* rule : OptimizerRules()) {
    for (const RuleSetting& setting : rule->settings) {
      const bool known = std::any_of(all.begin(), all.end(), [&](const RuleSetting& other) {
        return other.name == setting.name;
      });
      if (!known) all.push_back(setting);
    }
  }
  return all;
}

/// "sgd", or "lamb or adamw": the rules that have a setting.
std::string RulesWith(const std::string& setting) {
  std::string names;
  for (const OptimizerRule* rule : OptimizerRules()) {
    if (rule->Find(setting) != nullptr) names += (names.empty() ? "" : " or ") + rule->name;
  }
  return names;
}

/// "0.9", or "0.9, lamb 0.95" where a later rule starts from another value.
std::string InitialValues(const RuleSetting& first) {
  std::string text = fmt::format("{}", first.initial);
  for (const OptimizerRule* rule : OptimizerRules()) {
    const RuleSetting* own = rule->Find(first.name);
    if (own == nullptr || own->initial == first.initial) continue;
    text += fmt::format(", {} {}", rule->name, own->initial);
  }
  return text;
}

}  // namespace

RuleOptions OptimizerFlags::Options() const {
  RuleOptions options{.lr = schedule.lr,
                      .weight_decay = weight_decay,
                      .groups = NoDecayOnBiasesAndNorms(),
                      .settings = {}};
  for (const auto& [name, value] : settings) {
    if (FindOptimizerRule(rule).Find(name) != nullptr) options.settings[name] = value;
  }
  return options;
}

std::unique_ptr<Optimizer> OptimizerFlags::MakeOptimizer(const FlatParameters& parameters) const {
  return convoy::MakeOptimizer(rule, parameters, Options());
}

std::string OptimizerFlags::Text() const {
  std::string text = DescribeOptimizer(rule, Options());
  if (weight_decay > 0) text += fmt::format(", weight decay {}", weight_decay);
  if (clip > 0) text += fmt::format(", clip {}", clip);
  return text + ", " + schedule.Text();
}

void OptimizerFlags::Add(CLI::App& app) {
  static const std::map<std::string, std::string> kNames = RuleNames();
  app.option_defaults()->always_capture_default()->group("Optimizer");
  AddChoice(app, "--optimizer", rule, kNames, "Update rule");
  schedule.Add(app);
  for (const RuleSetting& setting : AllSettings()) {
    const auto own = settings.find(setting.name);
    app.add_option_function<double>(
           "--" + setting.name,
           [this, name = setting.name](const double& value) { settings[name] = value; },
           setting.help)
        ->check(Between(setting.min, setting.max))
        ->default_str(own == settings.end() ? InitialValues(setting)
                                            : fmt::format("{}", own->second));
  }
  app.add_option("--weight-decay", weight_decay, "Weight decay; biases and norms have none")
      ->check(NotNegative());
  app.add_option("--clip", clip, "Greatest norm of the gradients; 0 does not clip")
      ->check(NotNegative());
}

void OptimizerFlags::Settle(const GivenFlags& given) {
  for (const RuleSetting& setting : AllSettings()) {
    const bool belongs = FindOptimizerRule(rule).Find(setting.name) != nullptr;
    const std::string flag = "--" + setting.name, owners = RulesWith(setting.name);
    CheckUsage(belongs || !given(flag),
               "[{}] belongs to --optimizer {}, but this run's optimizer is {}; leave it out, or "
               "give --optimizer {}",
               flag, owners, rule, owners);
  }
  schedule.Settle(given);
}

}  // namespace convoy
