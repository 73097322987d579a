// The gpt trainer's own flags, and its presets.
#include "models/trainers/gpt_flags.h"

#include <CLI/CLI.hpp>
#include <map>
#include <utility>

#include "core/base/exit_status.h"
#include "models/trainers/common/checks.h"
#include "models/trainers/common/given_flags.h"

namespace convoy {
namespace {

const std::map<std::string, GeluKind> kGelus{{"tanh", GeluKind::kTanh},
                                             {"exact", GeluKind::kExact}};

/// nanoGPT's configuration for a CPU.
constexpr std::pair<const char*, const char*> kNano[] = {
    {"--layers", "4"},         {"--heads", "4"},        {"--channels", "128"},
    {"--block-size", "64"},    {"--dropout", "0"},      {"--batch-size", "12"},
    {"--steps", "2000"},       {"--eval-every", "250"}, {"--optimizer", "adamw"},
    {"--lr", "1e-3"},          {"--min-lr", "1e-4"},    {"--decay", "cosine"},
    {"--warmup", "100"},       {"--beta1", "0.9"},      {"--beta2", "0.99"},
    {"--weight-decay", "0.1"}, {"--clip", "1"},
};

/// GPT-2's smallest model, trained as nanoGPT does, on one GPU.
constexpr std::pair<const char*, const char*> kGpt2[] = {
    {"--layers", "12"},       {"--heads", "12"},         {"--channels", "768"},
    {"--block-size", "1024"}, {"--dropout", "0"},        {"--batch-size", "32"},
    {"--steps", "2000"},      {"--eval-every", "250"},   {"--eval-samples", "64"},
    {"--optimizer", "adamw"}, {"--lr", "6e-4"},          {"--min-lr", "6e-5"},
    {"--decay", "cosine"},    {"--warmup", "200"},       {"--beta1", "0.9"},
    {"--beta2", "0.95"},      {"--weight-decay", "0.1"}, {"--clip", "1"},
    {"--dtype", "bf16"},
};

}  // namespace

void GptFlags::Add(CLI::App& app) {
  app.option_defaults()->always_capture_default()->group("Model");
  app.add_option("--preset", preset,
                 "Defaults of all other flags: 'nano' is nanoGPT's configuration for a CPU, "
                 "'gpt2' GPT-2's smallest model (124M) for a GPU")
      ->check(CLI::IsMember({"default", "nano", "gpt2"}));
  app.add_option("--layers", model.layers, "Transformer blocks")->check(Whole(1, kMostLayers));
  app.add_option("--heads", model.heads, "Attention heads; must divide --channels")
      ->check(Whole(1, kMostFeatures));
  app.add_option("--channels", model.channels, "Width of the model")
      ->check(Whole(1, kMostFeatures));
  app.add_option("--block-size", model.block_size, "Tokens (characters) that the model looks back")
      ->check(Whole(1, kMostFeatures));
  app.add_option("--vocab-size", vocab_size, "Of tokens; characters are counted")
      ->check(Whole(1, kMostFeatures));
  AddChoice(app, "--gelu", model.gelu, kGelus,
            "Activation: Hugging Face's gelu_new (tanh, as GPT-2) or gelu (exact)");
  app.add_option("--layer-norm-eps", model.layer_norm_eps, "Added to the variance by layer norms")
      ->check(AtLeast(1e-12));
  app.option_defaults()->always_capture_default(false);
  app.add_flag(
      "--untie-embeddings", untie_embeddings,
      "Give the output layer weights of its own (lm_head.weight) instead of the token table's; "
      "with --init it has them in any case if the file does");
  app.option_defaults()->always_capture_default()->group("Run");
  app.add_option("--eval-samples", eval_samples,
                 "Windows of --block-size in each evaluation but the last, which takes all")
      ->check(Whole(1, kMostSteps));
  app.add_option("--sample", sample.tokens, "Characters to generate at the end")
      ->check(Whole(0, kMostSamples));
  app.add_option("--temperature", sample.temperature,
                 "Of that text: 1 as learned, less is safer, 0 takes the likeliest character")
      ->check(AtLeast(0));
  app.add_option("--top-k", sample.top_k, "Choose among the likeliest characters only; 0 among all")
      ->check(Whole(0, kMostFeatures));
}

void GptFlags::SetDefaults(CLI::App& app) {
  if (preset == "nano") {
    for (const auto& [flag, value] : kNano) SetUnlessGiven(app, flag, value);
  }
  if (preset == "gpt2") {
    for (const auto& [flag, value] : kGpt2) SetUnlessGiven(app, flag, value);
  }
}

void GptFlags::CheckGoTogether(const GivenFlags& given, bool tokens, int64_t eval_every) const {
  const auto check = [&](bool sensible, const char* flag, const char* why) {
    CheckUsage(sensible || !given(flag), "[{}] has no effect: {}; leave it out", flag, why);
  };
  const bool samples = sample.tokens > 0;
  check(tokens, "--vocab-size", "the characters of a text are counted");
  check(!tokens || !samples, "--sample", "it writes characters, and the data are tokens");
  for (const char* flag : {"--temperature", "--top-k"}) {
    check(!tokens, flag, "it is of the text at the end, and the data are tokens");
    check(samples, flag, "--sample 0 writes no text at the end");
  }
  check(sample.temperature > 0, "--top-k", "--temperature 0 takes the likeliest character");
  check(eval_every > 0, "--eval-samples", "--eval-every 0 evaluates at the end only");
}

}  // namespace convoy
