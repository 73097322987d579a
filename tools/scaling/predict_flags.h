// The flags of tools/scaling_bench that predict rather than measure, and what they do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/scaling/advise.h"
#include "tools/scaling/model_profile.h"
#include "tools/scaling/predict.h"

namespace CLI {
class App;
}

namespace convoy {

struct PredictFlags {
  std::vector<int> sizes;  ///< --predict
  std::string links;       ///< --links
  std::string profile;     ///< --profile; empty: the model that was measured
  std::string algorithm = "auto";
  std::string bucket_plan;  ///< --plan: a file to predict with
  double bucket_mb = 25;
  double stragglers = 0;  ///< per cent
  int strong = 0;
  bool no_norm = false;
  bool advise = false;
  std::string write_plan;

  bool wanted() const { return !sizes.empty() || advise; }
};

void AddPredictFlags(CLI::App& app, PredictFlags& flags);

/// The profile that --profile names, a bundled one or a file; none if it was not given.
/// Throws: Error.
std::optional<ModelProfile> GivenProfile(const PredictFlags& flags);

struct PredictOutcome {
  Prediction prediction;  ///< empty without --predict
  std::optional<Advice> advice;
};

/// Predicts and advises for `profile`, prints both, and writes the plan if asked to.
/// Throws: Error, one line, on every mistake of the user's.
PredictOutcome RunPredict(const PredictFlags& flags, const ModelProfile& profile);

}  // namespace convoy
