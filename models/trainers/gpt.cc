// Trainer: a character-level GPT on a text.
#include "models/gpt.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <limits>
#include <optional>

#include "core/error.h"
#include "models/checkpoint.h"
#include "models/data/text.h"
#include "models/trainers/common/checks.h"
#include "models/trainers/common/evaluate.h"
#include "models/trainers/common/task.h"
#include "models/trainers/common/text.h"
#include "models/trainers/default_text.h"

namespace convoy {
namespace {

constexpr int64_t kEvaluationChunk = 32;      // windows in one forward pass
constexpr char kCharacters[] = "characters";  // in a checkpoint's metadata: the vocabulary

struct GptFlags {
  GptOptions model{.block_size = 64, .layers = 4, .heads = 4, .channels = 128};
  std::string preset = "default";
  int64_t eval_samples = 256;
  GenerateOptions sample{.tokens = 500, .temperature = 0.8};
};

/// nanoGPT's configuration for a CPU.
constexpr std::pair<const char*, const char*> kNano[] = {
    {"--layers", "4"},         {"--heads", "4"},        {"--channels", "128"},
    {"--block-size", "64"},    {"--dropout", "0"},      {"--batch-size", "12"},
    {"--steps", "2000"},       {"--eval-every", "250"}, {"--optimizer", "adamw"},
    {"--lr", "1e-3"},          {"--min-lr", "1e-4"},    {"--decay", "cosine"},
    {"--warmup", "100"},       {"--beta1", "0.9"},      {"--beta2", "0.99"},
    {"--weight-decay", "0.1"}, {"--clip", "1"},
};

class GptTask : public Task {
 public:
  GptTask(Worker& worker, const CommonFlags& common, const GptFlags& flags, const CharText& text)
      : worker_(worker),
        flags_(flags),
        seed_(common.seed),
        vocabulary_(text.vocabulary()),
        validation_(text.validation(), flags.model.block_size),
        model_(flags.model, worker.device(), common.seed),
        batches_(text.train(), worker,
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

  void Load(const std::string& path) override {
    const Metadata metadata = SafetensorsFile(path).metadata();
    const auto characters = metadata.find(kCharacters);
    CONVOY_CHECK(
        characters == metadata.end() || characters->second == vocabulary_.ToString(),
        "[gpt] the model in '{}' knows other characters than those of this text; train it on the "
        "text it was saved with",
        path);
    LoadGpt(path, model_);
  }
  void Save(const std::string& path) override {
    SaveGpt(path, model_, {{kCharacters, vocabulary_.ToString()}});
  }

  void Show() override {
    if (flags_.sample.tokens == 0) return;
    GenerateOptions options = flags_.sample;
    options.seed = seed_;
    // A text starts after a line's end, if there are lines.
    const std::string characters = vocabulary_.ToString();
    const std::string start = characters.find('\n') == std::string::npos ? "" : "\n";
    const std::vector<int32_t> prompt =
        start.empty() ? std::vector<int32_t>{0} : vocabulary_.Encode(start);
    fmt::print("\nA sample, temperature {}:\n\n{}\n", options.temperature,
               vocabulary_.Decode(model_.Generate(prompt, options)));
  }

 private:
  Worker& worker_;
  const GptFlags& flags_;
  const uint64_t seed_;
  const CharVocabulary& vocabulary_;
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
    return "Trains a character-level GPT data-parallel: on a text file, or on Convoy's own "
           "sources.";
  }
  std::string data_help() const override {
    return "UTF-8 text file; its last tenth is for validation [Convoy's sources and documentation]";
  }

  void AddFlags(CLI::App& app) override {
    app.option_defaults()->always_capture_default()->group("Model");
    app.add_option("--preset", gpt_.preset,
                   "Defaults of all other flags: 'nano' is nanoGPT's configuration for a CPU")
        ->check(CLI::IsMember({"default", "nano"}));
    app.add_option("--layers", gpt_.model.layers, "Transformer blocks")->check(AtLeast(1));
    app.add_option("--heads", gpt_.model.heads, "Attention heads; must divide --channels")
        ->check(AtLeast(1));
    app.add_option("--channels", gpt_.model.channels, "Width of the model")->check(AtLeast(1));
    app.add_option("--block-size", gpt_.model.block_size, "Characters that the model looks back")
        ->check(AtLeast(1));
    app.option_defaults()->group("Run");
    app.add_option("--eval-samples", gpt_.eval_samples,
                   "Windows of --block-size in each evaluation but the last, which takes all")
        ->check(AtLeast(1));
    app.add_option("--sample", gpt_.sample.tokens, "Characters to generate at the end")
        ->check(AtLeast(0));
    app.add_option("--temperature", gpt_.sample.temperature,
                   "Of that text: 1 as learned, less is safer, 0 takes the likeliest character")
        ->check(AtLeast(0));
    app.add_option("--top-k", gpt_.sample.top_k,
                   "Choose among the likeliest characters only; 0 among all")
        ->check(AtLeast(0));
  }

  void Prepare(CLI::App& app) override {
    if (gpt_.preset == "nano") {
      for (const auto& [flag, value] : kNano) SetUnlessGiven(app, flag, value);
    }
    text_ = flags_.data.empty() ? CharText::FromString(DefaultText(), "the default text")
                                : CharText::FromFile(flags_.data);
    gpt_.model.vocab_size = text_.vocabulary().size();
    gpt_.model.dropout = flags_.dropout;
    gpt_.model.dtype = flags_.dtype;
  }

  std::unique_ptr<Task> MakeTask(Worker& worker) const override {
    return std::make_unique<GptTask>(worker, flags_, gpt_, text_);
  }

  std::string DescribeModel() const override {
    std::string line =
        fmt::format("{} layers, {} heads, {} channels, context {}", gpt_.model.layers,
                    gpt_.model.heads, gpt_.model.channels, gpt_.model.block_size);
    if (flags_.dropout > 0) line += fmt::format(", dropout {}", flags_.dropout);
    return line;
  }
  std::string DescribeData() const override {
    return fmt::format(
        "{}: {} characters ({} distinct), {} of them for validation",
        flags_.data.empty() ? "Convoy's own sources" : flags_.data,
        WithCommas(static_cast<int64_t>(text_.train().size() + text_.validation().size())),
        text_.vocabulary().size(), WithCommas(static_cast<int64_t>(text_.validation().size())));
  }
  int64_t tokens_per_sample() const override { return gpt_.model.block_size; }

 private:
  GptFlags gpt_;
  CharText text_;
};

}  // namespace
}  // namespace convoy

int main(int argc, char** argv) {
  convoy::GptTrainer trainer;
  return convoy::TrainerMain(argc, argv, trainer);
}
