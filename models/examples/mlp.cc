// The program of README.md: a digit classifier, trained on all the workers that Launch starts.
#include <cstdio>

#include "models/data/batches.h"
#include "models/data/digits.h"
#include "models/mlp.h"
#include "ops/loss.h"
#include "optim/sgd.h"
#include "parallel/data_parallel.h"
#include "parallel/launch.h"

void Train(convoy::Worker& worker) {
  convoy::Mlp model({.in = 64, .hidden = {512, 512}, .out = 10}, worker.device(), /*seed=*/42);
  convoy::DataParallel net(worker, model.Parameters());
  convoy::Sgd sgd(net.Parameters(), {.lr = 0.1, .momentum = 0.9});  // flat, bucket by bucket

  convoy::Mnist train = convoy::Digits(convoy::DataSplit::kTrain);
  for (int epoch = 0; epoch < 5; ++epoch) {
    convoy::Tensor loss;
    for (const auto& batch :
         convoy::Batches(train, worker, {.batch_size = 128, .epoch = epoch})) {
      loss = convoy::CrossEntropy(model(batch.inputs), batch.targets);
      net.Backward(loss, batch);  // gradients averaged over all workers, overlapped
      sgd.Step();
    }
    if (worker.is_main()) std::printf("epoch %d: loss %.3f\n", epoch, loss.Item<float>());
  }
}

int main(int argc, char** argv) { return convoy::Launch(argc, argv, Train); }
