// The optimizers that can be chosen by name, each registered from its own file.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "optim/flat_parameters.h"
#include "optim/optimizer.h"
#include "optim/param_group.h"

namespace convoy {

/// A hyper-parameter that some rules have beside learning rate and weight decay: a flag of every
/// trainer.
struct RuleSetting {
  std::string name;  ///< "beta1", for the flag --beta1; rules that share a setting share the flag
  std::string help;  ///< for --help: "Decay of AdamW's first moment"
  double initial;    ///< its value unless another is given
  double min, max;   ///< what the flag takes: [min, max]; the rule checks its values itself
};

/// What an optimizer is made from.
struct RuleOptions {
  double lr = 1e-3;
  double weight_decay = 0;
  std::vector<ParamGroup> groups;
  std::map<std::string, double> settings;  ///< by name; one that is not here has its initial value
};

/// A kind of optimizer.
struct OptimizerRule {
  std::string name;  ///< the value of --optimizer: "adamw"
  std::vector<RuleSetting> settings;
  /// Makes the optimizer. Every setting has a value. Throws: Error on a value that makes no sense.
  std::function<std::unique_ptr<Optimizer>(const FlatParameters&, const RuleOptions&)> make;
  /// Name and settings for the header of a run: "AdamW, betas 0.9 and 0.999". Every setting has a
  /// value.
  std::function<std::string(const RuleOptions&)> describe;

  /// The setting of that name; null if the rule has none.
  const RuleSetting* Find(const std::string& setting) const;
};

/// Registers a rule before main() starts: a constant of this type in the optimizer's own .cc file
/// is all that it takes to offer the optimizer to every trainer.
struct RegisterOptimizer {
  explicit RegisterOptimizer(OptimizerRule rule);
};

/// All rules, those with fewer settings first, then by name. Safe to call from several threads once
/// main() has started.
std::vector<const OptimizerRule*> OptimizerRules();

/// Throws: Error listing the names that there are, if no rule is called `name`.
const OptimizerRule& FindOptimizerRule(const std::string& name);

/// Makes the optimizer that is called `name`. Throws: Error if there is none, on a setting that its
/// rule does not have, and as the optimizer's constructor.
std::unique_ptr<Optimizer> MakeOptimizer(const std::string& name, const FlatParameters& parameters,
                                         const RuleOptions& options);

/// OptimizerRule::describe of the optimizer that MakeOptimizer would make. Throws: Error as it.
std::string DescribeOptimizer(const std::string& name, const RuleOptions& options);

}  // namespace convoy
