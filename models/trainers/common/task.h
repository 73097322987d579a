// What a trainer brings to the shared run loop (run.h).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "models/data/dataset.h"
#include "models/module.h"
#include "models/trainers/common/flags.h"
#include "models/trainers/common/given_flags.h"
#include "parallel/group/worker.h"

namespace convoy {

/// Sums over the samples that this worker has evaluated.
struct EvaluationSums {
  double loss = 0;
  double correct = 0;
  double count = 0;
};

/// One worker's side of a training run.
class Task {
 public:
  virtual ~Task() = default;

  virtual Module& model() = 0;
  /// This worker's part of the next global batch. Targets have one row, or a fixed number of rows,
  /// for each row of the inputs.
  virtual Batch NextBatch() = 0;
  /// Mean loss of a micro-batch; a scalar f32.
  virtual Tensor Loss(const Batch& batch) = 0;
  /// Evaluates this worker's share of the validation data. With `complete` false a fixed part of
  /// it is enough.
  virtual EvaluationSums Evaluate(bool complete) = 0;
  /// Returns what a user may want to know about how the file was read (LoadNotes).
  virtual std::vector<std::string> Load(const std::string& path) = 0;
  virtual void Save(const std::string& path) = 0;
  /// After the summary, on the main worker: what else there is to show.
  virtual void Show() {}
};

/// A trainer: what is common to all workers of a run.
class Trainer {
 public:
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;
  virtual ~Trainer() = default;

  /// "gpt".
  virtual std::string name() const = 0;
  /// One sentence for --help.
  virtual std::string description() const = 0;
  /// After the flags are read: opens the data, and settles what depends on it. `given` are the
  /// flags on the command line.
  virtual void Prepare(const GivenFlags& given) = 0;
  virtual std::unique_ptr<Task> MakeTask(Worker& worker) const = 0;

  /// One line each, for the header of a run.
  virtual std::string DescribeModel() const = 0;
  virtual std::string DescribeData() const = 0;
  /// Tokens in a sample; 0 if samples are what throughput counts.
  virtual int64_t tokens_per_sample() const { return 0; }
  /// Whether evaluation counts correct answers.
  virtual bool has_accuracy() const { return false; }

  const CommonFlags& flags() const { return flags_; }
  /// All parts of the command line: those of every trainer, then this trainer's own.
  const std::vector<FlagPart*>& parts() const { return parts_; }

 protected:
  Trainer() : parts_(flags_.Parts()) {}

  /// Takes up flags of this trainer's own; `part` must live as long as the trainer.
  void Use(FlagPart& part) { parts_.push_back(&part); }

  CommonFlags flags_;

 private:
  std::vector<FlagPart*> parts_;
};

/// A whole `main`: reads the flags, runs the workers, prints an error as one line on stderr.
/// Returns the exit status.
int TrainerMain(int argc, char** argv, Trainer& trainer);

}  // namespace convoy
