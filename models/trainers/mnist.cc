// Trainer: a multi-layer perceptron that tells digits apart.
#include "models/data/mnist.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <limits>
#include <optional>

#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "core/base/number_text.h"
#include "models/checkpoint.h"
#include "models/data/batches.h"
#include "models/data/digits.h"
#include "models/mlp.h"
#include "models/mlp_checkpoint.h"
#include "models/trainers/common/evaluate.h"
#include "models/trainers/common/task.h"
#include "models/trainers/mnist_flags.h"
#include "ops/loss.h"
#include "ops/reduce.h"

namespace convoy {
namespace {

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
        model_(options, worker.device(), flags.run.seed) {
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
    ForMyChunks(data_.test, ShardOf(worker_), worker_.device(), std::numeric_limits<int64_t>::max(),
                kEvaluationChunk, [&](const Tensor& images, const Tensor& labels) {
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
        BatchOptions{
            .batch_size = flags_.run.batch_size, .epoch = epoch_++, .seed = flags_.run.seed});
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
    Use(mnist_);
    flags_.run.data_help =
        "Folder with MNIST's four IDX files, plain or .gz; without it, 1,797 digits of 8 x 8 "
        "pixels that come with Convoy";
    flags_.run.batch_size = 128;
    flags_.optimizer.rule = "sgd";
    flags_.optimizer.schedule.lr = 0.1;
    flags_.optimizer.schedule.decay = Decay::kLinear;
    flags_.model.dropout = 0.2;
  }

  std::string name() const override { return "mnist"; }
  std::string description() const override {
    return "Trains a multi-layer perceptron data-parallel on handwritten digits: those that come "
           "with Convoy, MNIST's, or any data set in MNIST's format.";
  }

  void Prepare(const GivenFlags& given) override {
    CheckUsage(!given("--steps") || !given("--epochs"),
               "[--epochs] has no effect beside --steps; leave one of the two out");
    data_.emplace(MnistData{Read(DataSplit::kTrain), Read(DataSplit::kTest)});
    const Mnist& train = data_->train;
    const Mnist& test = data_->test;
    CONVOY_CHECK(train.rows() == test.rows() && train.columns() == test.columns(),
                 "[mnist] '{}': training images are {} x {}, test images {} x {}", flags_.run.data,
                 train.rows(), train.columns(), test.rows(), test.columns());
    const int64_t steps_per_epoch =
        (train.size() + flags_.run.batch_size - 1) / flags_.run.batch_size;
    if (!given("--steps")) flags_.run.steps = mnist_.epochs * steps_per_epoch;
    if (!given("--eval-every")) flags_.run.eval_every = steps_per_epoch;
    mnist_.model.in = train.rows() * train.columns();
    mnist_.model.dropout = flags_.model.dropout;
    mnist_.model.dtype = flags_.model.dtype;
  }

  std::unique_ptr<Task> MakeTask(Worker& worker) const override {
    return std::make_unique<MnistTask>(worker, flags_, mnist_.model, *data_);
  }

  std::string DescribeModel() const override {
    std::vector<int64_t> sizes{mnist_.model.in};
    sizes.insert(sizes.end(), mnist_.model.hidden.begin(), mnist_.model.hidden.end());
    sizes.push_back(mnist_.model.out);
    std::string line = fmt::format("MLP {}, ReLU", fmt::join(sizes, "-"));
    if (flags_.model.dropout > 0) line += fmt::format(", dropout {}", flags_.model.dropout);
    return line;
  }
  std::string DescribeData() const override {
    return fmt::format("{}: {} training and {} test images of {} x {}",
                       flags_.run.data.empty() ? "UCI's handwritten digits, which come with Convoy"
                                               : flags_.run.data,
                       WithCommas(data_->train.size()), WithCommas(data_->test.size()),
                       data_->train.rows(), data_->train.columns());
  }
  bool has_accuracy() const override { return true; }

 private:
  Mnist Read(DataSplit split) const {
    return flags_.run.data.empty() ? Digits(split) : Mnist(flags_.run.data, split);
  }

  MnistFlags mnist_;
  std::optional<MnistData> data_;
};

}  // namespace
}  // namespace convoy

int main(int argc, char** argv) {
  convoy::MnistTrainer trainer;
  return convoy::TrainerMain(argc, argv, trainer);
}
