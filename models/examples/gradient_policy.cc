// A gradient policy of one's own: the allreduce runs in bf16, which halves what travels, and what
// rounding drops is kept for the next step (error feedback: Seide et al., "1-Bit Stochastic
// Gradient Descent", 2014).
#include <cstdio>
#include <map>
#include <memory>
#include <string_view>

#include "models/data/batches.h"
#include "models/data/digits.h"
#include "models/mlp.h"
#include "ops/binary.h"
#include "ops/cast.h"
#include "ops/loss.h"
#include "optim/sgd.h"
#include "parallel/data_parallel.h"
#include "parallel/launch.h"

class Bf16Sync final : public convoy::GradSync {
 public:
  explicit Bf16Sync(convoy::ProcessGroup& group) : group_(group) {}

  convoy::Work Reduce(const convoy::FlatBucket& bucket, std::string_view name) override {
    const convoy::Tensor& gradients = bucket.gradients;
    convoy::Tensor& dropped = dropped_[gradients.raw_data()];
    if (dropped.defined()) gradients.CopyFrom(convoy::Add(gradients, dropped));
    const convoy::Tensor rounded = convoy::Cast(gradients, convoy::DType::kBF16);
    dropped = convoy::Sub(gradients, convoy::Cast(rounded, gradients.dtype()));
    // The sum is in place when this returns. A policy that returns the Work of a collective on the
    // bucket itself overlaps it with backward.
    group_.AllReduce(rounded, convoy::ReduceOp::kSum, name).Wait();
    gradients.CopyFrom(convoy::Cast(rounded, gradients.dtype()));
    return {};
  }

 private:
  convoy::ProcessGroup& group_;
  std::map<const void*, convoy::Tensor> dropped_;  // by bucket
};

void Train(convoy::Worker& worker) {
  convoy::Mlp model({.in = 64, .hidden = {128}, .out = 10}, worker.device(), /*seed=*/42);
  convoy::DataParallel net(worker, model.Parameters(),
                           {.sync = std::make_shared<Bf16Sync>(worker.group())});
  convoy::Sgd sgd(net.Parameters(), {.lr = 0.1, .momentum = 0.9});

  convoy::Mnist train = convoy::Digits(convoy::DataSplit::kTrain);
  for (int epoch = 0; epoch < 5; ++epoch) {
    convoy::Tensor loss;
    for (const auto& batch : convoy::Batches(train, worker, {.batch_size = 128, .epoch = epoch})) {
      loss = convoy::CrossEntropy(model(batch.inputs), batch.targets);
      net.Backward(loss, batch);
      sgd.Step();
    }
    if (worker.is_main()) std::printf("epoch %d: loss %.3f\n", epoch, loss.Item<float>());
  }
  net.CheckReplicas();
}

int main(int argc, char** argv) { return convoy::Launch(argc, argv, Train); }
