// tools/scaling_bench: how well training scales, where the time goes, and what more workers would
// do.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/cores.h"
#include "core/base/error.h"
#include "models/trainers/common/checks.h"
#include "parallel/launch.h"
#include "parallel/launch/placement.h"
#include "parallel/launch/program.h"
#include "tools/scaling/measure/machine.h"
#include "tools/scaling/measure/measure.h"
#include "tools/scaling/measure/synthetic.h"
#include "tools/scaling/model/profile_file.h"
#include "tools/scaling/output.h"
#include "tools/scaling/predict_flags.h"

namespace convoy::scaling {
namespace {

constexpr char kAbout[] =
    "Measures how training scales with the number of workers, and predicts how it would go on.\n\n"
    "  scaling_bench --model gpt_cpu                          on this machine, up to all its "
    "cores\n"
    "  launch --workers 4 -- scaling_bench --device cpu       on processes (tools/launch, mpirun)\n"
    "  scaling_bench --predict 8,64,512 --links dgx-h100-ndr400 --profile gpt2-124m\n";

struct Flags {
  LaunchOptions launch{.timeout_s = 3600};
  WorkloadOptions model{.name = "gpt_cpu"};
  std::string dtype = "f32";
  std::string layers;
  MeasureOptions measure{.counts = {}};
  std::optional<int> rounds;
  std::string mode = "weak";
  bool oversubscribe = false;
  double bucket_mb = 25;
  std::string save_profile;
  std::vector<std::string> from;
  OutputFlags output;
  PredictFlags predict;
  std::string command;
};

void AddFlags(CLI::App& app, Flags& flags) {
  app.option_defaults()
      ->always_capture_default()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)  // a later flag overrides
      ->group("Measure");
  app.add_option("--model", flags.model.name,
                 "gpt_cpu (nanoGPT's for a CPU), gpt2 (124M), mlp (784-512-512-10) or synthetic")
      ->check(CLI::IsMember({"gpt_cpu", "gpt2", "mlp", "synthetic"}));
  app.add_option("--dtype", flags.dtype, "Of parameters and activations: f32 or bf16")
      ->check(CLI::IsMember({"f32", "bf16"}));
  app.add_option("--mode", flags.mode,
                 "weak: every worker has a batch of its own; strong: all share one")
      ->check(CLI::IsMember({"weak", "strong"}));
  app.add_option("--batch", flags.measure.batch,
                 "Samples of a worker, or (strong) of all; 0: the model's default (12, 32, 128)")
      ->check(Whole(0, kMostSamples));
  app.add_option("--steps", flags.measure.steps, "Steps timed for every number of workers")
      ->check(AtLeast(1));
  app.add_option(
         "--rounds", flags.rounds,
         "Rounds that the steps are divided into; each is timed with and without communication in "
         "turn [5, or --steps if that is fewer]")
      ->type_name("INT")
      ->check(AtLeast(1));
  app.add_option("--warmup", flags.measure.warmup, "Steps before the timed ones")
      ->check(AtLeast(0));
  app.add_option("--bucket-mb", flags.bucket_mb,
                 "MiB of gradients that one allreduce sums (the first and the last are smaller)")
      ->check(Between(0.001, kMostMiB));
  AddLaunchFlags(app, flags.launch);
  app.option_defaults()->always_capture_default(false);
  app.add_option("--counts", flags.measure.counts,
                 "Numbers of workers to measure [1, 2, 4, ... up to all]")
      ->delimiter(',')
      ->type_name("N,...");
  app.add_option("--layers", flags.layers,
                 "Of the synthetic model: [COUNTx]PARAMETERS:BACKWARD[:FORWARD], ..., as in "
                 "12x1.5M:4ms,1x10M:8ms:2ms; they sleep that long, and no core is used")
      ->type_name("LIST");
  app.add_option("--bucket-plan", flags.measure.bucket_plan,
                 "Sum bucket by bucket as this file says, instead of by --bucket-mb")
      ->type_name("FILE");
  app.add_flag("--oversubscribe", flags.oversubscribe,
               "Allow more worker threads than there are cores");
  app.add_option("--timeline", flags.measure.timeline,
                 "Write the steps of the most workers to this file, for ui.perfetto.dev")
      ->type_name("FILE");
  app.add_option("--save-profile", flags.save_profile,
                 "Write what was measured of one worker to this file, for --profile")
      ->type_name("FILE");
  AddOutputFlags(app, flags.output);
  app.option_defaults()->always_capture_default(false)->group("Show");
  app.add_option("--from", flags.from,
                 "Show what earlier runs have saved with --json: the first measurement, and all "
                 "predictions")
      ->type_name("FILE");
  AddPredictFlags(app, flags.predict);
}

std::string CommandLine(int argc, char** argv) {
  std::string line = "scaling_bench";
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool plain = !word.empty() && word.find_first_of(" \t\n'\"$&|;<>()*?\\`") == word.npos;
    line += plain ? " " + word : " '" + word + "'";
  }
  return line;
}

// The powers of two below `workers`, and `workers`.
std::vector<int> PowersUpTo(int workers) {
  std::vector<int> counts;
  for (int count = 1; count < workers; count *= 2) counts.push_back(count);
  counts.push_back(workers);
  return counts;
}

void CheckMeasuring(Flags& flags) {
  const bool synthetic = flags.model.name == "synthetic";
  CheckUsage(synthetic == !flags.layers.empty(),
             "[--layers] goes with --model synthetic, and is wanted there: as in "
             "--model synthetic --layers 12x1.5M:4ms,1x10M:8ms");
  if (synthetic) ParseSyntheticLayers(flags.layers);
  flags.measure.strong = flags.mode == "strong";
  CheckUsage(!flags.measure.strong || flags.measure.batch > 0,
             "[--mode] strong wants --batch: the samples of all workers together");
  flags.measure.rounds = flags.rounds.value_or(std::min(flags.measure.rounds, flags.measure.steps));
  CheckUsage(flags.measure.rounds <= flags.measure.steps,
             "[--rounds] {} rounds want at least as many --steps, got {}", flags.measure.rounds,
             flags.measure.steps);
  std::vector<int>& counts = flags.measure.counts;
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  for (const int count : counts) {
    CheckUsage(count >= 1, "[--counts] wants numbers of at least 1, got {}", count);
  }
  if (StartedAsWorker()) return;
  if (!counts.empty()) {
    if (flags.launch.workers == 0) flags.launch.workers = counts.back();
    CheckUsage(counts.back() <= flags.launch.workers,
               "[--counts] {} workers cannot be measured: --workers says {}", counts.back(),
               flags.launch.workers);
  }
  const launch::Placement place = launch::Place(flags.launch);
  const int cores = AvailableCores();
  CONVOY_CHECK(
      place.device != DeviceType::kCpu || synthetic || flags.oversubscribe ||
          place.workers * place.threads <= cores,
      "[--counts] {} workers of {} thread{} want {} cores, but this machine has {}: they "
      "would take turns, and the figures say nothing of scaling. Give fewer, start them on "
      "several machines with tools/launch --hosts, or say --oversubscribe",
      place.workers, place.threads, place.threads == 1 ? "" : "s", place.workers * place.threads,
      cores);
}

// The predictions that flags ask for; empty if they ask for none.
std::vector<Prediction> Predictions(const PredictFlags& flags, const ModelProfile& profile) {
  if (!Predicts(flags)) return {};
  return {RunPredict(flags, profile).prediction};
}

void MeasureAndShow(Worker& worker, const Flags& flags) {
  MeasureOptions options = flags.measure;
  options.buckets = BucketsOfMb(flags.bucket_mb);
  if (options.counts.empty()) options.counts = PowersUpTo(worker.world_size());
  const std::vector<std::string> load = LoadWarnings();
  const MakeModel make_model = [&](const Worker& on, int64_t batch) {
    if (!flags.layers.empty()) return MakeSynthetic(ParseSyntheticLayers(flags.layers), on);
    WorkloadOptions model = flags.model;
    model.batch = batch;
    model.dtype = flags.dtype == "bf16" ? DType::kBF16 : DType::kF32;
    return MakeWorkload(model, on);
  };
  Measured measured = Measure(worker, make_model, options);
  if (!worker.is_main()) return;
  ScalingResults& results = measured.results;
  results.device = DescribeMachine(worker);
  results.date = Today();
  results.command = flags.command;
  if (flags.layers.empty()) results.warnings = load;
  for (Measurement& it : results.measurements) it.warnings = WarningsFor(it);
  measured.profile.source =
      fmt::format("measured on {}, {}: {}", results.device, results.date, results.command);
  Show(&results, flags.output, [&] {
    if (!flags.save_profile.empty()) WriteProfile(flags.save_profile, measured.profile);
    return Predictions(flags.predict, measured.profile);
  });
  CONVOY_CHECK(measured.timeline_complete,
               "[--timeline] the measurement is complete, but '{}' could not be written to its end",
               flags.measure.timeline);
}

// Fails with the first flag that has no effect beside the others that were given.
void CheckGoTogether(const CLI::App& app, const Flags& flags) {
  const bool measures = flags.from.empty() && flags.predict.profile.empty();
  const std::string without = flags.from.empty() ? "--profile, which replaces a measurement"
                                                 : "--from, which shows what is saved";
  // A prediction uses the same buckets.
  const std::set<std::string> of_both = {"--bucket-mb", "--bucket-plan"};
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() == 0) continue;
    const std::string name = option->get_name();
    const bool measurement = option->get_group() == "Measure";
    const bool prediction = option->get_group() == "Predict" || of_both.contains(name);
    const bool used = measures || (flags.from.empty() && prediction);
    CheckUsage(used || (!measurement && option->get_group() != "Predict"),
               "[{}] has no effect beside {}; leave one of the two out", name, without);
    CheckUsage(option->get_group() != "Predict" || !measures || Predicts(flags.predict),
               "[{}] is of a prediction, and none is asked for; give --predict and --links too",
               name);
  }
  CheckUsage(flags.measure.bucket_plan.empty() || app.count("--bucket-mb") == 0,
             "[--bucket-mb] has no effect beside --bucket-plan; leave one of the two out");
  CheckUsage(flags.model.name != "synthetic" || app.count("--dtype") == 0,
             "[--dtype] has no effect on --model synthetic, which does not compute; leave it out");
}

// Checks all files first, before an hour is spent on what goes into them.
void CheckFiles(const Flags& flags) {
  std::vector<NamedFile> outputs = OutputFiles(flags.output);
  outputs.push_back({"--timeline", flags.measure.timeline});
  outputs.push_back({"--save-profile", flags.save_profile});
  outputs.push_back({"--write-plan", flags.predict.write_plan});
  for (const auto& [flag, path] : outputs) {
    if (!path.empty()) CheckWritable(flag, path);
  }
  std::vector<NamedFile> inputs{{"--profile", flags.predict.profile},
                                {"--links", flags.predict.links},
                                {"--bucket-plan", flags.measure.bucket_plan}};
  for (const std::string& path : flags.from) inputs.push_back({"--from", path});
  CheckDistinct(
      outputs, inputs,
      {{"--json", "--from"}, {"--save-profile", "--profile"}, {"--write-plan", "--bucket-plan"}});
}

int Run(const CLI::App& app, Flags& flags) {
  CheckGoTogether(app, flags);
  CheckFiles(flags);
  flags.predict.bucket_mb = flags.bucket_mb;
  flags.predict.bucket_plan = flags.measure.bucket_plan;
  if (!flags.from.empty()) {
    ShowSaved(flags.from, flags.output);
    return 0;
  }
  if (const std::optional<ModelProfile> profile = GivenProfile(flags.predict)) {
    Show(nullptr, flags.output,
         [&] { return std::vector{RunPredict(flags.predict, *profile).prediction}; });
    return 0;
  }
  if (Predicts(flags.predict)) CheckPredictFlags(flags.predict);
  CheckMeasuring(flags);
  return Launch(flags.launch, [&](Worker& worker) { MeasureAndShow(worker, flags); });
}

int Main(int argc, char** argv) {
  CLI::App app(kAbout, "scaling_bench");
  app.get_formatter()->column_width(34);
  Flags flags;
  flags.command = CommandLine(argc, argv);
  AddFlags(app, flags);
  return RunProgram(app, argc, argv, "scaling_bench", [&] { return Run(app, flags); });
}

}  // namespace
}  // namespace convoy::scaling

int main(int argc, char** argv) { return convoy::scaling::Main(argc, argv); }
