// The flags of the optimizer: which rule, with which settings and learning rate.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/trainers/common/flag_part.h"
#include "models/trainers/common/schedule_flags.h"
#include "optim/optimizer.h"
#include "optim/optimizer_rules.h"

namespace convoy {

/// Offers every rule that is registered (optim/optimizer_rules.h), and a flag for each setting that
/// any of them has.
class OptimizerFlags final : public FlagPart {
 public:
  explicit OptimizerFlags(const RunFlags& run) : schedule(run) {}

  std::string rule = "adamw";
  /// Settings that differ from the rules' initial values, whether the rule has them or not.
  std::map<std::string, double> settings;
  double weight_decay = 0;
  double clip = 0;  ///< greatest norm of the gradients; 0: they are measured but not clipped
  ScheduleFlags schedule;

  std::unique_ptr<Optimizer> MakeOptimizer(const FlatParameters& parameters) const;
  /// "SGD, momentum 0.9, lr 0.1 to 0 (linear)".
  std::string Text() const;

  void Add(CLI::App& app) override;
  void Settle(const GivenFlags& given) override;

 private:
  RuleOptions Options() const;
};

}  // namespace convoy
