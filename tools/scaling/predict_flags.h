// The flags of tools/scaling_bench that predict rather than measure, and what they do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/scaling/measure/model_profile.h"
#include "tools/scaling/model/advise.h"
#include "tools/scaling/model/prediction.h"

namespace CLI {
class App;
}

namespace convoy::scaling {

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
  /// Set by the program from --bucket-plan and --bucket-mb, which measurements have too.
  std::string bucket_plan;
  double bucket_mb = 25;
};

/// Adds --predict, --links, --profile, --algorithm, --stragglers, --batch-of, --no-norm, --advise
/// and --write-plan, in a group of their own.
void AddPredictFlags(CLI::App& app, PredictFlags& flags);

/// The profile that --profile names; none without that flag, since the measured model is meant
/// then. Throws: as FindProfile does.
std::optional<ModelProfile> GivenProfile(const PredictFlags& flags);

/// Whether the flags ask for a prediction, or for advice.
bool Predicts(const PredictFlags& flags);
/// Checks what can be checked before there is a profile. Throws: as RunPredict does.
void CheckPredictFlags(const PredictFlags& flags);

struct PredictOutcome {
  Prediction prediction;
  std::optional<Advice> advice;
};

/// Predicts for `profile` and, if flags ask for it, looks for the best bucket plan for the largest
/// number of workers; prints both, and writes the plan. Throws: Error, one line, on every mistake
/// in flags and files.
PredictOutcome RunPredict(const PredictFlags& flags, const ModelProfile& profile);

}  // namespace convoy::scaling
