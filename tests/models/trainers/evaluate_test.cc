// Which samples an evaluation takes, and who computes them.
#include "models/trainers/common/evaluate.h"

#include <catch2/catch.hpp>
#include <limits>
#include <map>
#include <vector>

#include "tests/models/data/fake_worker.h"

namespace convoy {
namespace {

// Sample i is the number i, its target 100 + i.
struct Numbers : Dataset {
  explicit Numbers(int64_t size) : count(size) {}

  int64_t size() const override { return count; }
  Batch Get(std::span<const int64_t> indices, Device device) const override {
    std::vector<int32_t> inputs(indices.begin(), indices.end()), targets;
    for (const int32_t i : inputs) targets.push_back(100 + i);
    const Shape shape{static_cast<int64_t>(inputs.size())};
    return {Tensor::From(shape, inputs, device), Tensor::From(shape, targets, device)};
  }

  const int64_t count;
};

using Chunks = std::vector<std::vector<int32_t>>;

Chunks Taken(int64_t size, int64_t samples, int64_t chunk, int rank = 0, int workers = 1) {
  FakeWorker one(rank, workers);
  Chunks chunks;
  ForMyChunks(Numbers{size}, ShardOf(one.worker), one.worker.device(), samples, chunk,
              [&](const Tensor& inputs, const Tensor& targets) {
                chunks.push_back(inputs.ToVector<int32_t>());
                std::vector<int32_t> expected = chunks.back();
                for (int32_t& i : expected) i += 100;
                CHECK(targets.ToVector<int32_t>() == expected);
              });
  return chunks;
}

constexpr int64_t kAll = std::numeric_limits<int64_t>::max();

TEST_CASE("A partial evaluation is spread over all of the data, not its first samples") {
  CHECK(Taken(10, 4, 100) == Chunks{{0, 2, 5, 7}});  // 10 * i / 4
  CHECK(Taken(37, 5, 100) == Chunks{{0, 7, 14, 22, 29}});
  CHECK(Taken(1000, 3, 100) == Chunks{{0, 333, 666}});
  CHECK(Taken(7, 1, 100) == Chunks{{0}});
}

TEST_CASE("An evaluation of all, or of more than there is, takes every sample once") {
  for (const int64_t samples : {int64_t{5}, int64_t{6}, kAll}) {
    CAPTURE(samples);
    CHECK(Taken(5, samples, 2) == Chunks{{0, 1}, {2, 3}, {4}});
  }
  CHECK(Taken(4, kAll, 2) == Chunks{{0, 1}, {2, 3}});
}

TEST_CASE("Workers take chunks in turn, the same ones whatever their number") {
  CHECK(Taken(9, kAll, 2, 0, 3) == Chunks{{0, 1}, {6, 7}});
  CHECK(Taken(9, kAll, 2, 1, 3) == Chunks{{2, 3}, {8}});
  CHECK(Taken(9, kAll, 2, 2, 3) == Chunks{{4, 5}});
  // Ten samples of 20: the even ones.
  CHECK(Taken(20, 10, 4, 0, 2) == Chunks{{0, 2, 4, 6}, {16, 18}});
  CHECK(Taken(20, 10, 4, 1, 2) == Chunks{{8, 10, 12, 14}});
  CHECK(Taken(3, kAll, 4, 1, 2).empty());  // less than a chunk for each
}

}  // namespace
}  // namespace convoy
