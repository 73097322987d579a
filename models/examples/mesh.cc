// A mesh of workers: a layer's hidden units are split over one axis, the samples over the other.
#include "parallel/mesh.h"

#include <cstdio>

#include "models/data/batches.h"
#include "models/data/digits.h"
#include "models/mlp.h"
#include "ops/binary.h"
#include "ops/loss.h"
#include "optim/sgd.h"
#include "parallel/data_parallel.h"
#include "parallel/launch.h"

// The sum of `partial` over the group. Its gradient goes to each worker's own part as it is, since
// what the others add does not depend on this worker's parameters.
convoy::Tensor Sum(convoy::ProcessGroup& group, const convoy::Tensor& partial) {
  const convoy::Tensor total = partial.Detach().Clone();
  group.AllReduce(total).Wait();
  return partial + (total - partial.Detach());
}

void Train(convoy::Worker& worker) {
  convoy::Mesh mesh(worker, {.tensor = 2});
  if (worker.is_main()) std::printf("%s\n", mesh.Describe().c_str());
  convoy::Worker& data = mesh.worker(convoy::Axis::kData);
  convoy::ProcessGroup& tensor = mesh.group(convoy::Axis::kTensor);

  // Half of the hidden units, and of the weights that go from them to the outputs.
  const uint64_t seed = 42 + static_cast<uint64_t>(tensor.rank());
  convoy::Mlp half({.in = 64, .hidden = {256}, .out = 10}, worker.device(), seed);
  convoy::DataParallel net(data, half.Parameters());
  convoy::Sgd sgd(net.Parameters(), {.lr = 0.1, .momentum = 0.9});

  convoy::Mnist train = convoy::Digits(convoy::DataSplit::kTrain);
  for (int epoch = 0; epoch < 5; ++epoch) {
    convoy::Tensor mean;  // the loss of the last batch over all of its samples
    for (const auto& batch : convoy::Batches(train, data, {.batch_size = 128, .epoch = epoch})) {
      const convoy::Tensor loss =
          convoy::CrossEntropy(Sum(tensor, half(batch.inputs)), batch.targets);
      net.Backward(loss, batch);
      sgd.Step();
      mean = loss.Detach() * batch.share;
    }
    data.group().AllReduce(mean).Wait();
    if (worker.is_main()) std::printf("epoch %d: loss %.3f\n", epoch, mean.Item<float>());
  }
}

int main(int argc, char** argv) { return convoy::Launch(argc, argv, Train); }
