// The flags of tools/scaling_bench that predict rather than measure, and what they do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/scaling/advise.h"
#include "tools/scaling/model_profile.h"
#include "tools/scaling/prediction.h"

namespace CLI {
class App;
}

namespace convoy {

struct PredictFlags {
  std::vector<int> sizes;          ///< --predict
  std::string links;               ///< --links
  std::string profile;             ///< --profile
  std::string algorithm = "auto";  ///< --algorithm
  double stragglers = 0;           ///< --stragglers
  int batch_of = 0;                ///< --batch-of
  bool no_norm = false;            ///< --no-norm
  bool advise = false;             ///< --advise
  std::string write_plan;          ///< --write-plan
  /// No flags of these: the program's own, which the measurement has too.
  std::string bucket_plan;
  double bucket_mb = 25;
};

/// Adds --predict, --links, --profile, --algorithm, --stragglers, --batch-of, --no-norm, --advise
/// and --write-plan, in a group of their own.
void AddPredictFlags(CLI::App& app, PredictFlags& flags);

/// The profile that --profile names; none without it: the model is the one that was measured.
/// Throws: as FindProfile does.
std::optional<ModelProfile> GivenProfile(const PredictFlags& flags);

struct PredictOutcome {
  Prediction prediction;
  std::optional<Advice> advice;
};

/// Predicts for `profile`, and advises for the largest number of workers if asked to; prints both,
/// and writes the plan. Throws: Error, one line, on every mistake in flags and files.
PredictOutcome RunPredict(const PredictFlags& flags, const ModelProfile& profile);

}  // namespace convoy
