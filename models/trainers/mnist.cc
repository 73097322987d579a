// Trainer: a multi-layer perceptron that tells digits apart.
#include "models/data/mnist.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <limits>
#include <optional>

#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "core/base/number_text.h"
#include "models/checkpoint.h"
#include "models/data/batches.h"
#include "models/data/digits.h"
#include "models/mlp.h"
#include "models/trainers/common/checks.h"
#include "models/trainers/common/evaluate.h"
#include "models/trainers/common/task.h"
#include "ops/loss.h"
#include "ops/reduce.h"

namespace convoy {
namespace {

constexpr int64_t kClasses = 10;
constexpr int64_t kEvaluationChunk = 250;  // images in one forward pass

/// How many rows of `logits` (N, classes) are greatest at their label.
int64_t CountCorrect(const Tensor& logits, const Tensor& labels) {
  const std::vector<int64_t> answers = ArgMax(logits).ToVector<int64_t>();
  const std::vector<int32_t> truth = labels.ToVector<int32_t>();
  int64_t correct = 0;
  for (size_t i = 0; i < truth.size(); ++i) correct += answers[i] == truth[i];
  return correct;
}

struct MnistData {
  Mnist train;
  Mnist test;
};

class MnistTask : public Task {
 public:
  MnistTask(Worker& worker, const CommonFlags& flags, const MlpOptions& options,
            const MnistData& data)
      : worker_(worker),
        flags_(flags),
        data_(data),
        options_(options),
        model_(options, worker.device(), flags.seed) {
    DealEpoch();  // before anything is printed: it says so if the batch size does not fit
  }

  Module& model() override { return model_; }

  Batch NextBatch() override {
    if (next_) {
      ++*next_;
      if (*next_ == std::default_sentinel) DealEpoch();
    }
    if (!next_) next_ = batches_->begin();
    return **next_;
  }

  Tensor Loss(const Batch& batch) override {
    return CrossEntropy(model_(batch.inputs), batch.targets);
  }

  EvaluationSums Evaluate(bool) override {
    EvaluationSums sums;
    ForMyChunks(data_.test, worker_, std::numeric_limits<int64_t>::max(), kEvaluationChunk,
                [&](const Tensor& images, const Tensor& labels) {
                  const Tensor logits = model_(images);
                  const double count = static_cast<double>(labels.numel());
                  sums.loss += count * double{CrossEntropy(logits, labels).Item<float>()};
                  sums.correct += static_cast<double>(CountCorrect(logits, labels));
                  sums.count += count;
                });
    return sums;
  }

  std::vector<std::string> Load(const std::string& path) override {
    return LoadParameters(path, model_.Parameters(), FactsOf(options_));
  }
  void Save(const std::string& path) override {
    SaveParameters(path, model_.Parameters(), FactsOf(options_));
  }

 private:
  void DealEpoch() {
    next_.reset();  // before the range that it walks
    batches_.emplace(
        data_.train, worker_,
        BatchOptions{.batch_size = flags_.batch_size, .epoch = epoch_++, .seed = flags_.seed});
  }

  Worker& worker_;
  const CommonFlags& flags_;
  const MnistData& data_;
  const MlpOptions& options_;
  Mlp model_;
  int64_t epoch_ = 0;
  std::optional<Batches> batches_;
  std::optional<Batches::Iterator> next_;
};

class MnistTrainer : public Trainer {
 public:
  MnistTrainer() {
    flags_.batch_size = 128;
    flags_.optimizer = OptimizerKind::kSgd;
    flags_.lr = 0.1;
    flags_.decay = Decay::kLinear;
    flags_.dropout = 0.2;
  }

  std::string name() const override { return "mnist"; }
  std::string description() const override {
    return "Trains a multi-layer perceptron data-parallel on handwritten digits: those that come "
           "with Convoy, MNIST's, or any data set in MNIST's format.";
  }
  std::string data_help() const override {
    return "Folder with MNIST's four IDX files, plain or .gz; without it, 1,797 digits of 8 x 8 "
           "pixels that come with Convoy";
  }

  void AddFlags(CLI::App& app) override {
    app.get_option("--steps")->default_str("--epochs");
    app.get_option("--eval-every")->default_str("an epoch");
    app.option_defaults()->always_capture_default()->group("Run");
    app.add_option("--epochs", epochs_,
                   "Times through the training images, unless --steps is given")
        ->check(Whole(0, 1'000'000));
    app.option_defaults()->group("Model");
    app.add_option("--hidden", model_.hidden, "Outputs of each hidden layer")
        ->delimiter(',')
        ->check(Whole(1, kMostFeatures));
  }

  void Prepare(CLI::App& app) override {
    CheckUsage(app.count("--steps") == 0 || app.count("--epochs") == 0,
               "[--epochs] has no effect beside --steps; leave one of the two out");
    data_.emplace(MnistData{Read(Split::kTrain), Read(Split::kTest)});
    const Mnist& train = data_->train;
    const Mnist& test = data_->test;
    CONVOY_CHECK(train.rows() == test.rows() && train.columns() == test.columns(),
                 "[mnist] '{}': training images are {} x {}, test images {} x {}", flags_.data,
                 train.rows(), train.columns(), test.rows(), test.columns());
    const int64_t steps_per_epoch = (train.size() + flags_.batch_size - 1) / flags_.batch_size;
    if (app.count("--steps") == 0) flags_.steps = epochs_ * steps_per_epoch;
    if (app.count("--eval-every") == 0) flags_.eval_every = steps_per_epoch;
    model_.in = train.rows() * train.columns();
    model_.dropout = flags_.dropout;
    model_.dtype = flags_.dtype;
  }

  std::unique_ptr<Task> MakeTask(Worker& worker) const override {
    return std::make_unique<MnistTask>(worker, flags_, model_, *data_);
  }

  std::string DescribeModel() const override {
    std::vector<int64_t> sizes{model_.in};
    sizes.insert(sizes.end(), model_.hidden.begin(), model_.hidden.end());
    sizes.push_back(model_.out);
    std::string line = fmt::format("MLP {}, ReLU", fmt::join(sizes, "-"));
    if (flags_.dropout > 0) line += fmt::format(", dropout {}", flags_.dropout);
    return line;
  }
  std::string DescribeData() const override {
    return fmt::format(
        "{}: {} training and {} test images of {} x {}",
        flags_.data.empty() ? "UCI's handwritten digits, which come with Convoy" : flags_.data,
        WithCommas(data_->train.size()), WithCommas(data_->test.size()), data_->train.rows(),
        data_->train.columns());
  }
  bool has_accuracy() const override { return true; }

 private:
  Mnist Read(Split split) const {
    return flags_.data.empty() ? Digits(split) : Mnist(flags_.data, split);
  }

  MlpOptions model_{.hidden = {512, 512}, .out = kClasses};
  int64_t epochs_ = 10;
  std::optional<MnistData> data_;
};

}  // namespace
}  // namespace convoy

int main(int argc, char** argv) {
  convoy::MnistTrainer trainer;
  return convoy::TrainerMain(argc, argv, trainer);
}
