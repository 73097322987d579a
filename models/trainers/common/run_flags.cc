// The flags of the run itself: workers, data, steps, batches.
#include "models/trainers/common/run_flags.h"

#include <CLI/CLI.hpp>
#include <map>

#include "core/base/exit_status.h"
#include "models/trainers/common/checks.h"

namespace convoy {
namespace {

const std::map<std::string, NonFinite> kNonFinite{{"stop", NonFinite::kStop},
                                                  {"skip", NonFinite::kSkip}};

}  // namespace

void RunFlags::Add(CLI::App& app) {
  app.option_defaults()
      ->always_capture_default()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)  // a later flag overrides
      ->group("Run");
  AddLaunchFlags(app, launch);
  app.add_option("--data", data, data_help)->type_name("PATH")->default_str("");
  app.add_option("--steps", steps, "Optimizer steps; 0 only initialises, evaluates and saves")
      ->check(Whole(0, kMostSteps));
  app.add_option("--batch-size", batch_size, "Samples per step, over all workers")
      ->check(Whole(1, kMostSamples));
  app.add_option("--micro-batches", micro_batches,
                 "Parts that each worker cuts its batch into to save memory; gradients add up")
      ->check(Whole(1, kMostSamples));
  app.add_option("--seed", seed,
                 "Seed of initial values, data order and dropout; the same command with the same "
                 "seed gives the same bits")
      ->check(CLI::Validator(
          [](std::string& text) {
            const bool digits = text.find_first_not_of("0123456789") == text.npos;
            return digits && !text.empty()
                       ? ""
                       : "wants a whole number of at least 0, got '" + text + "'";
          },
          ""));
  app.add_option("--eval-every", eval_every,
                 "Steps between evaluations; 0 evaluates at the end only")
      ->check(Whole(0, kMostSteps));
  app.add_option(
         "--check-replicas", check_replicas,
         "Steps between comparisons of all workers' parameters, bit by bit; a difference ends the "
         "run. 0: never")
      ->check(Whole(0, kMostSteps));
  AddChoice(app, "--on-non-finite", on_non_finite, kNonFinite,
            "When a step's gradients are not finite: stop, or go on without that step");
}

void RunFlags::ListFiles(FlagFiles& files) const { files.inputs.push_back({"--data", data}); }

void RunFlags::Settle(const GivenFlags&) {
  // A worker's own share may be smaller still: then some of its parts are empty.
  CheckUsage(
      micro_batches <= batch_size,
      "[--micro-batches] the {} samples of a batch cannot be cut into {} parts; give at most "
      "--batch-size",
      batch_size, micro_batches);
}

}  // namespace convoy
