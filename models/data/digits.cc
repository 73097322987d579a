// The handwritten digits that come with Convoy.
#include "models/data/digits.h"

#include <span>
#include <vector>

#include "models/data/digits/bytes.h"

namespace convoy {
namespace {

std::vector<uint8_t> Copy(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

Mnist Digits(DataSplit split) {
  const bool train = split == DataSplit::kTrain;
  return Mnist(8, 8, Copy(train ? digits::TrainImages() : digits::TestImages()),
               Copy(train ? digits::TrainLabels() : digits::TestLabels()));
}

}  // namespace convoy
