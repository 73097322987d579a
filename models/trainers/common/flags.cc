// The flags that all trainers share: their help texts and checks.
#include "models/trainers/common/flags.h"

#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "core/base/error.h"
#include "models/trainers/common/checks.h"
#include "parallel/launch/placement.h"

namespace convoy {
namespace {

const std::map<std::string, OptimizerKind> kOptimizers{{"sgd", OptimizerKind::kSgd},
                                                       {"adamw", OptimizerKind::kAdamW}};
const std::map<std::string, DType> kDTypes{
    {"f32", DType::kF32}, {"bf16", DType::kBF16}, {"f16", DType::kF16}};
const std::map<std::string, NonFinite> kNonFinite{{"stop", NonFinite::kStop},
                                                  {"skip", NonFinite::kSkip}};
const std::map<std::string, Decay> kDecays{
    {"constant", Decay::kConstant}, {"linear", Decay::kLinear}, {"cosine", Decay::kCosine}};

}  // namespace

void AddCommonFlags(CLI::App& app, CommonFlags& flags, const std::string& data_help) {
  app.option_defaults()
      ->always_capture_default()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)  // a later flag overrides
      ->group("Run");
  AddLaunchFlags(app, flags.launch);
  app.add_option("--data", flags.data, data_help)->type_name("PATH")->default_str("");
  app.add_option("--steps", flags.steps, "Optimizer steps; 0 only initialises, evaluates and saves")
      ->check(Whole(0, kMostSteps));
  app.add_option("--batch-size", flags.batch_size, "Samples per step, over all workers")
      ->check(Whole(1, kMostSamples));
  app.add_option("--micro-batches", flags.micro_batches,
                 "Parts that each worker cuts its batch into to save memory; gradients add up")
      ->check(Whole(1, kMostSamples));
  app.add_option("--seed", flags.seed,
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
  app.add_option("--bucket-mb", flags.bucket_mb,
                 "MiB of gradients that one allreduce sums (the first and the last are smaller)")
      ->check(Between(0.001, kMostMiB));
  app.add_option("--eval-every", flags.eval_every,
                 "Steps between evaluations; 0 evaluates at the end only")
      ->check(Whole(0, kMostSteps));
  AddChoice(app, "--on-non-finite", flags.on_non_finite, kNonFinite,
            "When a step's gradients are not finite: stop, or go on without that step");
  app.option_defaults()->always_capture_default(false);
  app.add_option("--bucket-plan", flags.bucket_plan,
                 "Sum the gradients bucket by bucket as this file says, instead of by --bucket-mb")
      ->type_name("FILE");
  app.add_flag("--cuda-graph", flags.cuda_graph,
               "Record the training step once and replay it: faster for small models; GPU only");
  app.add_option("--init", flags.init, "Start from the parameters in this safetensors file")
      ->type_name("FILE");
  app.add_option("--save", flags.save, "Write the parameters to this safetensors file at the end")
      ->type_name("FILE");
  app.add_option("--metrics", flags.metrics,
                 "Write one JSON object a step to this file, one a line")
      ->type_name("FILE");
  app.add_option("--timeline", flags.timeline,
                 "Write the times of all workers' steps and sums to this file, for "
                 "ui.perfetto.dev")
      ->type_name("FILE");
  app.add_option("--timeline-steps", flags.timeline_steps,
                 "How many steps, from the first, go into --timeline; 0: all [1000]")
      ->check(Whole(0, kMostSteps));

  app.option_defaults()->always_capture_default()->group("Optimizer");
  AddChoice(app, "--optimizer", flags.optimizer, kOptimizers, "Update rule");
  app.add_option("--lr", flags.lr, "Learning rate, after the warm-up")->check(NotNegative());
  app.add_option("--min-lr", flags.min_lr, "Learning rate at the end of a linear or cosine decay")
      ->check(NotNegative());
  AddChoice(app, "--decay", flags.decay, kDecays, "Course of the learning rate after the warm-up");
  app.add_option("--warmup", flags.warmup, "Steps in which the learning rate rises to --lr")
      ->check(Whole(0, kMostSteps));
  app.add_option("--momentum", flags.momentum, "Momentum of SGD")->check(Between(0, 1));
  app.add_option("--beta1", flags.beta1, "Decay of AdamW's first moment")
      ->check(Between(0, 0.999999));
  app.add_option("--beta2", flags.beta2, "Decay of AdamW's second moment")
      ->check(Between(0, 0.999999));
  app.add_option("--weight-decay", flags.weight_decay, "Weight decay; biases and norms have none")
      ->check(NotNegative());
  app.add_option("--clip", flags.clip, "Greatest norm of the gradients; 0 does not clip")
      ->check(NotNegative());
  app.option_defaults()->group("Model");
  AddChoice(app, "--dtype", flags.dtype, kDTypes,
            "Of parameters and activations; the optimizer keeps f32. f16 scales the loss");
  app.add_option("--dropout", flags.dropout,
                 "Share of activations dropped while training; each worker draws which")
      ->check(Between(0, 0.999));
}

void SetUnlessGiven(CLI::App& app, const std::string& name, const std::string& value) {
  CLI::Option* option = app.get_option(name);
  if (option->count() > 0) return;
  option->add_result(value);
  option->run_callback();
}

void CheckFlags(const CommonFlags& flags) {
  if (flags.cuda_graph) {
    const Placement place = Place(flags.launch);
    CONVOY_CHECK(
        place.device == DeviceType::kCuda,
        "[--cuda-graph] steps can be recorded on a GPU only, but this run would compute on "
        "the CPU{}{}",
        place.why_not_cuda.empty() ? "" : ": ", place.why_not_cuda);
  }
  if (!flags.init.empty()) {
    std::error_code ignored;
    CONVOY_CHECK(!std::filesystem::is_directory(flags.init, ignored),
                 "[--init] '{}' is a folder; give a safetensors file", flags.init);
    CONVOY_CHECK(access(flags.init.c_str(), R_OK) == 0, "[--init] cannot read '{}': {}", flags.init,
                 std::strerror(errno));
  }
  if (!flags.save.empty()) CheckWritable("--save", flags.save);
  if (!flags.metrics.empty()) CheckWritable("--metrics", flags.metrics);
  if (!flags.timeline.empty()) CheckWritable("--timeline", flags.timeline);
  CheckDistinct(
      {{"--save", flags.save}, {"--metrics", flags.metrics}, {"--timeline", flags.timeline}},
      {{"--init", flags.init}, {"--data", flags.data}, {"--bucket-plan", flags.bucket_plan}},
      {{"--save", "--init"}});
}

Schedule CommonFlags::MakeSchedule() const {
  const ScheduleOptions options{
      .max = lr, .min = min_lr, .warmup = warmup, .steps = std::max(steps, warmup + 1)};
  switch (decay) {
    case Decay::kLinear:
      return Schedule::Linear(options);
    case Decay::kCosine:
      return Schedule::Cosine(options);
    case Decay::kConstant:
      break;
  }
  return Schedule::Constant(options);
}

}  // namespace convoy
