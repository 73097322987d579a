// The optimizers that can be chosen by name, each registered from its own file.
#include "optim/optimizer_rules.h"

#include <algorithm>
#include <deque>
#include <tuple>
#include <utility>

#include "core/base/error.h"

namespace convoy {
namespace {

/// Grows before main() only. A deque, so that rules stay where they are.
std::deque<OptimizerRule>& Rules() {
  static std::deque<OptimizerRule> rules;
  return rules;
}

/// The options with a value for every setting of the rule.
RuleOptions Completed(const OptimizerRule& rule, const RuleOptions& options) {
  for (const auto& [name, value] : options.settings) {
    CONVOY_CHECK(rule.Find(name) != nullptr, "[Optimizer] {} has no setting '{}'", rule.name, name);
  }
  RuleOptions complete = options;
  for (const RuleSetting& setting : rule.settings) {
    complete.settings.emplace(setting.name, setting.initial);
  }
  return complete;
}

}  // namespace

const RuleSetting* OptimizerRule::Find(const std::string& setting) const {
  const auto found = std::find_if(settings.begin(), settings.end(),
                                  [&](const RuleSetting& s) { return s.name == setting; });
  return found == settings.end() ? nullptr : &*found;
}

// A rule of the same name gives way, as with transports and file formats.
RegisterOptimizer::RegisterOptimizer(OptimizerRule rule) {
  std::erase_if(Rules(), [&](const OptimizerRule& it) { return it.name == rule.name; });
  Rules().push_back(std::move(rule));
}

std::vector<const OptimizerRule*> OptimizerRules() {
  std::vector<const OptimizerRule*> rules;
  for (const OptimizerRule& rule : Rules()) rules.push_back(&rule);
  std::sort(rules.begin(), rules.end(), [](const OptimizerRule* a, const OptimizerRule* b) {
    return std::make_tuple(a->settings.size(), a->name) <
           std::make_tuple(b->settings.size(), b->name);
  });
  return rules;
}

const OptimizerRule& FindOptimizerRule(const std::string& name) {
  std::string names;
  for (const OptimizerRule* rule : OptimizerRules()) {
    if (rule->name == name) return *rule;
    names += (names.empty() ? "" : ", ") + rule->name;
  }
  Fail("[Optimizer] no optimizer is called '{}'; there are {}", name, names);
}

std::unique_ptr<Optimizer> MakeOptimizer(const std::string& name, const FlatParameters& parameters,
                                         const RuleOptions& options) {
  const OptimizerRule& rule = FindOptimizerRule(name);
  return rule.make(parameters, Completed(rule, options));
}

std::string DescribeOptimizer(const std::string& name, const RuleOptions& options) {
  const OptimizerRule& rule = FindOptimizerRule(name);
  return rule.describe(Completed(rule, options));
}

}  // namespace convoy
