// The flags of tools/scaling_bench that predict rather than measure, and what they do.
#include "tools/scaling/predict_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>

#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "core/base/print.h"
#include "parallel/data_parallel/bucket_plan_file.h"
#include "tools/scaling/model/profile_file.h"
#include "tools/scaling/report/predict_text.h"

namespace convoy::scaling {
namespace {

std::string Joined(const std::vector<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

PredictOptions OptionsOf(const PredictFlags& flags, const ModelProfile& profile) {
  PredictOptions options;
  options.buckets = BucketsOfMb(flags.bucket_mb);
  options.measures_norm = !flags.no_norm;
  options.batch_of = flags.batch_of;
  options.stragglers.sigma = flags.stragglers;
  if (flags.algorithm != "auto") {
    options.algorithm = AlgorithmNamed(flags.algorithm, "[--algorithm]");
  }
  if (!flags.bucket_plan.empty()) {
    options.plan = ReadBucketPlan(flags.bucket_plan, profile.sizes());
  }
  return options;
}

}  // namespace

void AddPredictFlags(CLI::App& app, PredictFlags& flags) {
  app.option_defaults()->always_capture_default(false)->group("Predict");
  app.add_option("--predict", flags.sizes,
                 "Predict for these numbers of workers, like 8,64,512,4096; wants --links")
      ->delimiter(',')
      ->type_name("N,...");
  app.add_option("--links", flags.links,
                 "What connects the workers: a file, or one of " + Joined(BuiltInLinks()))
      ->type_name("FILE");
  app.add_option("--profile", flags.profile,
                 "Predict for this model instead of measuring one: a file, or one of " +
                     Joined(BundledProfiles()))
      ->type_name("FILE");
  app.option_defaults()->always_capture_default();
  app.add_option("--algorithm", flags.algorithm,
                 "Allreduce: auto (for every bucket the fastest that the links have), ring, tree, "
                 "two-level, nvls, nvls-tree, direct or inprocess")
      ->type_name("NAME");
  app.add_option("--stragglers", flags.stragglers,
                 "By how much a worker's time for a step varies, of its mean: 0.02 is 2%")
      ->type_name("SIGMA");
  app.add_option(
         "--batch-of", flags.batch_of,
         "Strong scaling: the global batch is that of so many workers; 0: each worker keeps "
         "its own")
      ->type_name("N");
  app.option_defaults()->always_capture_default(false);
  app.add_flag("--no-norm", flags.no_norm,
               "The optimizer does not measure the gradients' norm, and updates bucket by bucket");
  app.add_flag("--advise", flags.advise,
               "The bucket plan with the least exposed time for the most workers of --predict");
  app.add_option("--write-plan", flags.write_plan,
                 "Write that plan to this file, for trainers' --bucket-plan")
      ->type_name("FILE");
}

std::optional<ModelProfile> GivenProfile(const PredictFlags& flags) {
  if (flags.profile.empty()) return {};
  return FindProfile(flags.profile);
}

bool Predicts(const PredictFlags& flags) {
  return !flags.sizes.empty() || !flags.links.empty() || flags.advise || !flags.write_plan.empty();
}

void CheckPredictFlags(const PredictFlags& flags) {
  CheckUsage(!flags.sizes.empty(), "[--predict] say for how many workers, like --predict 8,64,512");
  for (const int size : flags.sizes) {
    CheckUsage(size >= 1, "[--predict] wants numbers of at least 1, got {}", size);
  }
  CheckUsage(!flags.links.empty(), "[--predict] wants --links: a file, or one of {}",
             Joined(BuiltInLinks()));
  CheckUsage(flags.stragglers >= 0 && flags.stragglers < 1,
             "[--stragglers] wants a share from 0 to 1, like 0.02, got {}", flags.stragglers);
  CheckUsage(flags.batch_of >= 0, "[--batch-of] wants a number of at least 0, got {}",
             flags.batch_of);
  CheckUsage(flags.bucket_mb > 0, "[--bucket-mb] wants a number over 0, got {}", flags.bucket_mb);
  FindLinks(flags.links);
}

PredictOutcome RunPredict(const PredictFlags& flags, const ModelProfile& profile) {
  CheckPredictFlags(flags);
  const Links links = FindLinks(flags.links);
  const PredictOptions options = OptionsOf(flags, profile);
  PredictOutcome outcome{Predict(profile, links, flags.sizes, options), {}};
  PrintTo(stdout, "{}", PredictionText(outcome.prediction));
  if (!flags.advise && flags.write_plan.empty()) return outcome;
  const int workers = outcome.prediction.sizes.back().workers;
  outcome.advice = Advise(profile, links, workers, options);
  PrintTo(stdout, "\n{}", AdviceText(*outcome.advice));
  if (flags.write_plan.empty()) return outcome;
  WriteBucketPlan(
      flags.write_plan, profile.sizes(), outcome.advice->plan,
      {.model = profile.model,
       .made_by = fmt::format("scaling_bench --advise for {} workers on {}", workers, links.name)});
  PrintTo(stdout, "Written to {}: give it to trainers with --bucket-plan.\n", flags.write_plan);
  return outcome;
}

}  // namespace convoy::scaling
