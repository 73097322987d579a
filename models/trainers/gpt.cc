// Trainer: a GPT on the characters of a text, or on tokens.
#include "models/gpt.h"

#include <fmt/core.h>

#include <limits>
#include <optional>

#include "core/base/error.h"
#include "core/base/number_text.h"
#include "core/base/print.h"
#include "core/base/printable.h"
#include "models/data/text_windows.h"
#include "models/gpt_checkpoint.h"
#include "models/trainers/common/evaluate.h"
#include "models/trainers/common/task.h"
#include "models/trainers/gpt_data.h"
#include "models/trainers/gpt_flags.h"

namespace convoy {
namespace {

constexpr int64_t kEvaluationChunk = 32;      // windows in one forward pass
constexpr int64_t kTokenMultiple = 128;       // GPT-2's 50257 tokens as 50304 rows
constexpr int64_t kGpuMultiple = 64;          // of characters: GPUs multiply whole tiles
constexpr char kCharacters[] = "characters";  // in a checkpoint's metadata: the vocabulary

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
        seed_(common.run.seed),
        characters_(data.characters()),
        validation_(data.validation(), flags.model.block_size),
        model_(ModelOn(worker.device(), flags.model), worker.device(), common.run.seed),
        batches_(data.train(), worker,
                 {.batch_size = common.run.batch_size,
                  .block_size = flags.model.block_size,
                  .steps = common.run.steps,
                  .seed = common.run.seed}) {}

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
    ForMyChunks(validation_, ShardOf(worker_), worker_.device(), samples, kEvaluationChunk,
                [&](const Tensor& tokens, const Tensor& labels) {
                  const double count = static_cast<double>(labels.numel());
                  sums.loss += count * double{model_.Loss(tokens, labels).Item<float>()};
                  sums.count += count;
                });
    return sums;
  }

  std::vector<std::string> Load(const std::string& path) override {
    const Metadata metadata = TensorFormatOf(path).open(path)->metadata();
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
    Use(gpt_);
    flags_.run.data_help =
        "UTF-8 text file, or a file *.bin of tokens (16-bit numbers, or llm.c's format); the "
        "last tenth is for validation [Convoy's sources and documentation; with --preset gpt2 "
        "random tokens]";
    flags_.run.steps = 1500;
    flags_.run.batch_size = 24;
    flags_.run.eval_every = 250;
    flags_.optimizer.schedule.min_lr = 1e-4;
    flags_.optimizer.schedule.decay = Decay::kCosine;
    flags_.optimizer.schedule.warmup = 50;
    flags_.optimizer.settings["beta2"] = 0.99;
    flags_.optimizer.weight_decay = 0.1;
    flags_.optimizer.clip = 1;
  }

  std::string name() const override { return "gpt"; }
  std::string description() const override {
    return "Trains a GPT data-parallel: on the characters of a text file or of Convoy's own "
           "sources, or on tokens.";
  }

  void Prepare(const GivenFlags& given) override {
    const bool tokens =
        GptData::HoldsTokens(flags_.run.data) || (gpt_.preset == "gpt2" && flags_.run.data.empty());
    if (tokens) {
      data_ = GptData::Tokens(flags_.run.data, gpt_.vocab_size, flags_.run.seed);
      gpt_.model.vocab_multiple = kTokenMultiple;
    } else {
      data_ = GptData::Characters(flags_.run.data);
    }
    // Below the reading of the data, whose errors are more telling.
    gpt_.CheckGoTogether(given, tokens, flags_.run.eval_every);
    data_.CheckWindows(gpt_.model.block_size);
    gpt_.model.vocab_size = data_.vocab_size();
    gpt_.model.dropout = flags_.model.dropout;
    gpt_.model.dtype = flags_.model.dtype;
    gpt_.model.tie_embeddings = !gpt_.untie_embeddings && (flags_.files.init.empty() ||
                                                           !HasOwnOutputLayer(flags_.files.init));
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
    if (flags_.model.dropout > 0) line += fmt::format(", dropout {}", flags_.model.dropout);
    return line;
  }
  std::string DescribeData() const override { return data_.Describe(); }
  int64_t tokens_per_sample() const override { return gpt_.model.block_size; }

 private:
  GptFlags gpt_;
  GptData data_;
};

}  // namespace
}  // namespace convoy

int main(int argc, char** argv) {
  convoy::GptTrainer trainer;
  return convoy::TrainerMain(argc, argv, trainer);
}
