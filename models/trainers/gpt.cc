// Trainer: a GPT on the characters of a text, or on tokens.
#include "models/gpt.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <limits>
#include <map>
#include <optional>

#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "core/base/number_text.h"
#include "core/base/print.h"
#include "core/base/printable.h"
#include "models/checkpoint.h"
#include "models/data/text.h"
#include "models/trainers/common/checks.h"
#include "models/trainers/common/evaluate.h"
#include "models/trainers/common/given_flags.h"
#include "models/trainers/common/task.h"
#include "models/trainers/gpt_data.h"

namespace convoy {
namespace {

constexpr int64_t kEvaluationChunk = 32;      // windows in one forward pass
constexpr int64_t kTokenMultiple = 128;       // GPT-2's 50257 tokens as 50304 rows
constexpr int64_t kGpuMultiple = 64;          // of characters: GPUs multiply whole tiles
constexpr char kCharacters[] = "characters";  // in a checkpoint's metadata: the vocabulary

struct GptFlags {
  GptOptions model{.block_size = 64, .layers = 4, .heads = 4, .channels = 128};
  std::string preset = "default";
  int64_t vocab_size = 50257;
  int64_t eval_samples = 256;
  GenerateOptions sample{.tokens = 500, .temperature = 0.8};
};

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

/// The model on a kind of device.
GptOptions ModelOn(Device device, GptOptions options) {
  if (!device.is_cpu() && options.vocab_multiple == 1) options.vocab_multiple = kGpuMultiple;
  return options;
}

class GptTask : public Task {
 public:
  GptTask(Worker& worker, const CommonFlags& common, const GptFlags& flags, const GptData& data)
      : worker_(worker),
        flags_(flags),
        seed_(common.seed),
        characters_(data.characters()),
        validation_(data.validation(), flags.model.block_size),
        model_(ModelOn(worker.device(), flags.model), worker.device(), common.seed),
        batches_(data.train(), worker,
                 {.batch_size = common.batch_size,
                  .block_size = flags.model.block_size,
                  .steps = common.steps,
                  .seed = common.seed}) {}

  Module& model() override { return model_; }

  Batch NextBatch() override {
    if (next_) {
      ++*next_;
    } else {
      next_ = batches_.begin();
    }
    return **next_;
  }

  Tensor Loss(const Batch& batch) override { return model_.Loss(batch.inputs, batch.targets); }

  EvaluationSums Evaluate(bool complete) override {
    EvaluationSums sums;
    const int64_t samples = complete ? std::numeric_limits<int64_t>::max() : flags_.eval_samples;
    ForMyChunks(validation_, worker_, samples, kEvaluationChunk,
                [&](const Tensor& tokens, const Tensor& labels) {
                  const double count = static_cast<double>(labels.numel());
                  sums.loss += count * double{model_.Loss(tokens, labels).Item<float>()};
                  sums.count += count;
                });
    return sums;
  }

  std::vector<std::string> Load(const std::string& path) override {
    const Metadata metadata = SafetensorsFile(path).metadata();
    const auto characters = metadata.find(kCharacters);
    CONVOY_CHECK(
        characters == metadata.end() || !characters_ ||
            characters->second == characters_->ToString(),
        "[gpt] the model in '{}' knows other characters than those of this text; train it on the "
        "text it was saved with",
        path);
    return LoadGpt(path, model_);
  }
  void Save(const std::string& path) override {
    Metadata metadata;
    if (characters_) metadata[kCharacters] = characters_->ToString();
    SaveGpt(path, model_, metadata);
  }

  void Show() override {
    if (flags_.sample.tokens == 0 || !characters_) return;
    GenerateOptions options = flags_.sample;
    options.seed = seed_;
    // A text starts after a line's end, if there are lines.
    const std::string characters = characters_->ToString();
    const std::string start = characters.find('\n') == std::string::npos ? "" : "\n";
    const std::vector<int32_t> prompt =
        start.empty() ? std::vector<int32_t>{0} : characters_->Encode(start);
    PrintTo(stdout, "\nA sample, temperature {}:\n\n{}\n", options.temperature,
            PrintableText(characters_->Decode(model_.Generate(prompt, options))));
  }

 private:
  Worker& worker_;
  const GptFlags& flags_;
  const uint64_t seed_;
  const std::optional<CharVocabulary>& characters_;
  const TextWindows validation_;
  Gpt model_;
  TextBatches batches_;
  std::optional<TextBatches::Iterator> next_;
};

class GptTrainer : public Trainer {
 public:
  GptTrainer() {
    flags_.steps = 1500;
    flags_.batch_size = 24;
    flags_.eval_every = 250;
    flags_.min_lr = 1e-4;
    flags_.decay = Decay::kCosine;
    flags_.warmup = 50;
    flags_.beta2 = 0.99;
    flags_.weight_decay = 0.1;
    flags_.clip = 1;
  }

  std::string name() const override { return "gpt"; }
  std::string description() const override {
    return "Trains a GPT data-parallel: on the characters of a text file or of Convoy's own "
           "sources, or on tokens.";
  }
  std::string data_help() const override {
    return "UTF-8 text file, or a file *.bin of tokens (16-bit numbers, or llm.c's format); the "
           "last tenth is for validation [Convoy's sources and documentation; with --preset gpt2 "
           "random tokens]";
  }

  void AddFlags(CLI::App& app) override {
    app.option_defaults()->always_capture_default()->group("Model");
    app.add_option("--preset", gpt_.preset,
                   "Defaults of all other flags: 'nano' is nanoGPT's configuration for a CPU, "
                   "'gpt2' GPT-2's smallest model (124M) for a GPU")
        ->check(CLI::IsMember({"default", "nano", "gpt2"}));
    app.add_option("--layers", gpt_.model.layers, "Transformer blocks")
        ->check(Whole(1, kMostLayers));
    app.add_option("--heads", gpt_.model.heads, "Attention heads; must divide --channels")
        ->check(Whole(1, kMostFeatures));
    app.add_option("--channels", gpt_.model.channels, "Width of the model")
        ->check(Whole(1, kMostFeatures));
    app.add_option("--block-size", gpt_.model.block_size,
                   "Tokens (characters) that the model looks back")
        ->check(Whole(1, kMostFeatures));
    app.add_option("--vocab-size", gpt_.vocab_size, "Of tokens; characters are counted")
        ->check(Whole(1, kMostFeatures));
    AddChoice(app, "--gelu", gpt_.model.gelu, kGelus,
              "Activation: Hugging Face's gelu_new (tanh, as GPT-2) or gelu (exact)");
    app.add_option("--layer-norm-eps", gpt_.model.layer_norm_eps,
                   "Added to the variance by layer norms")
        ->check(AtLeast(1e-12));
    app.option_defaults()->always_capture_default(false);
    app.add_flag(
        "--untie-embeddings", untie_embeddings_,
        "Give the output layer weights of its own (lm_head.weight) instead of the token table's; "
        "with --init it has them in any case if the file does");
    app.option_defaults()->always_capture_default()->group("Run");
    app.add_option("--eval-samples", gpt_.eval_samples,
                   "Windows of --block-size in each evaluation but the last, which takes all")
        ->check(Whole(1, kMostSteps));
    app.add_option("--sample", gpt_.sample.tokens, "Characters to generate at the end")
        ->check(Whole(0, kMostSamples));
    app.add_option("--temperature", gpt_.sample.temperature,
                   "Of that text: 1 as learned, less is safer, 0 takes the likeliest character")
        ->check(AtLeast(0));
    app.add_option("--top-k", gpt_.sample.top_k,
                   "Choose among the likeliest characters only; 0 among all")
        ->check(Whole(0, kMostFeatures));
  }

  void Prepare(CLI::App& app) override {
    const GivenFlags given(app);
    if (gpt_.preset == "nano") {
      for (const auto& [flag, value] : kNano) SetUnlessGiven(app, flag, value);
    }
    const bool gpt2 = gpt_.preset == "gpt2";
    if (gpt2) {
      for (const auto& [flag, value] : kGpt2) SetUnlessGiven(app, flag, value);
    }
    const bool tokens = GptData::HoldsTokens(flags_.data) || (gpt2 && flags_.data.empty());
    if (tokens) {
      data_ = GptData::Tokens(flags_.data, gpt_.vocab_size, flags_.seed);
      gpt_.model.vocab_multiple = kTokenMultiple;
    } else {
      data_ = GptData::Characters(flags_.data);
    }
    CheckGoTogether(given, tokens);  // after what is wrong with the data, if anything is
    data_.CheckWindows(gpt_.model.block_size);
    gpt_.model.vocab_size = data_.vocab_size();
    gpt_.model.dropout = flags_.dropout;
    gpt_.model.dtype = flags_.dtype;
    gpt_.model.tie_embeddings =
        !untie_embeddings_ && (flags_.init.empty() || !HasOwnOutputLayer(flags_.init));
  }

  std::unique_ptr<Task> MakeTask(Worker& worker) const override {
    return std::make_unique<GptTask>(worker, flags_, gpt_, data_);
  }

  std::string DescribeModel() const override {
    std::string line =
        fmt::format("{} layers, {} heads, {} channels, context {}", gpt_.model.layers,
                    gpt_.model.heads, gpt_.model.channels, gpt_.model.block_size);
    if (!gpt_.model.tie_embeddings) line += ", an output layer of its own";
    if (gpt_.model.gelu == GeluKind::kExact) line += ", exact GELU";
    if (flags_.dropout > 0) line += fmt::format(", dropout {}", flags_.dropout);
    return line;
  }
  std::string DescribeData() const override { return data_.Describe(); }
  int64_t tokens_per_sample() const override { return gpt_.model.block_size; }

 private:
  void CheckGoTogether(const GivenFlags& given, bool tokens) const {
    const auto check = [&](bool sensible, const char* flag, const char* why) {
      CheckUsage(sensible || !given(flag), "[{}] has no effect: {}; leave it out", flag, why);
    };
    const bool samples = gpt_.sample.tokens > 0;
    check(tokens, "--vocab-size", "the characters of a text are counted");
    check(!tokens || !samples, "--sample", "it writes characters, and the data are tokens");
    for (const char* flag : {"--temperature", "--top-k"}) {
      check(!tokens, flag, "it is of the text at the end, and the data are tokens");
      check(samples, flag, "--sample 0 writes no text at the end");
    }
    check(gpt_.sample.temperature > 0, "--top-k", "--temperature 0 takes the likeliest character");
    check(flags_.eval_every > 0, "--eval-samples", "--eval-every 0 evaluates at the end only");
  }

  GptFlags gpt_;
  bool untie_embeddings_ = false;
  GptData data_;
};

}  // namespace
}  // namespace convoy

int main(int argc, char** argv) {
  convoy::GptTrainer trainer;
  return convoy::TrainerMain(argc, argv, trainer);
}
