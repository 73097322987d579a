// Random numbers in recorded graphs.
#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/random.h"
#include "core/tensor.h"
#include "ops/dropout.h"
#include "tests/core/first_difference.h"
#include "tests/gpu.h"

namespace convoy::cuda {
namespace {

const Device kDevice = Device::Cuda(0);

Tensor Floats(float value) { return Tensor::Full({1000}, value, {DType::kF32, kDevice}); }

// What dropout leaves of ones, step by step.
std::vector<std::vector<float>> Eager(int steps, uint64_t seed) {
  std::vector<std::vector<float>> values;
  Random random(seed);
  for (int i = 0; i < steps; ++i) {
    const Tensor first = Dropout(Floats(1), 0.5, random.NextStream());
    values.push_back(Dropout(first, 0.25, random.NextStream()).ToVector<float>());
  }
  return values;
}

TEST_CASE("random numbers of replays are those of eager steps, and eager steps may come between") {
  CONVOY_NEED_GPUS(1);
  const std::vector<std::vector<float>> expected = Eager(6, 11);
  Random random(11);
  const Tensor x = Floats(1);
  Tensor y;
  const auto step = [&] {
    const Tensor first = Dropout(x, 0.5, random.NextStream());
    y = Dropout(first, 0.25, random.NextStream());
  };
  step();
  CHECK(FirstDifference(y.ToVector<float>(), expected[0]) == "");
  const auto recording = GetBackend(DeviceType::kCuda).Record(kDevice, step);
  const Tensor recorded = y;
  for (size_t i = 1; i < 4; ++i) {
    recording->Replay();
    CHECK(FirstDifference(recorded.ToVector<float>(), expected[i]) == "");
  }
  step();
  CHECK(FirstDifference(y.ToVector<float>(), expected[4]) == "");
  recording->Replay();
  CHECK(FirstDifference(recorded.ToVector<float>(), expected[5]) == "");

  // Another seed, as for another epoch or from a checkpoint.
  random = Random(12);
  const std::vector<std::vector<float>> reseeded = Eager(3, 12);
  for (size_t i = 0; i < 3; ++i) {
    recording->Replay();
    CHECK(FirstDifference(recorded.ToVector<float>(), reseeded[i]) == "");
  }
}

TEST_CASE("each of many sources in a recording moves along by what was drawn from it") {
  CONVOY_NEED_GPUS(1);
  constexpr size_t kSources = 300;  // one kernel moves 128
  const auto draw = [](std::vector<Random>& sources) {
    std::vector<Tensor> drawn;
    for (size_t i = 0; i < kSources; ++i) {
      Tensor x = Tensor::Full({64}, 1, {DType::kF32, kDevice});
      for (size_t n = 0; n < 1 + i % 3; ++n) x = Dropout(x, 0.25, sources[i].NextStream());
      drawn.push_back(x);
    }
    return drawn;
  };
  std::vector<Random> eager, recorded;
  for (uint64_t i = 0; i < kSources; ++i) {
    eager.emplace_back(i);
    recorded.emplace_back(i);
  }
  std::vector<Tensor> outputs;
  const auto recording =
      GetBackend(DeviceType::kCuda).Record(kDevice, [&] { outputs = draw(recorded); });
  for (int replay = 0; replay < 3; ++replay) {
    recording->Replay();
    const std::vector<Tensor> expected = draw(eager);
    for (size_t i = 0; i < kSources; ++i) {
      INFO("source " << i << " in replay " << replay);
      REQUIRE(FirstDifference(outputs[i].ToVector<float>(), expected[i].ToVector<float>()) == "");
    }
  }
}

TEST_CASE("a backward in a recording drops what its forward dropped") {
  CONVOY_NEED_GPUS(1);
  Random random(5);
  Tensor x = Floats(1);
  x.SetRequiresGrad();
  const Tensor ones = Floats(1);
  Tensor y;
  const auto recording = GetBackend(DeviceType::kCuda).Record(kDevice, [&] {
    y = Dropout(x, 0.5, random.NextStream());
    x.ZeroGrad();
    BackwardOptions options;
    options.seed = ones;
    Backward(y, options);
  });
  for (int i = 0; i < 3; ++i) {
    recording->Replay();
    CHECK(FirstDifference(y.ToVector<float>(), x.grad().ToVector<float>()) == "");
  }
}

TEST_CASE("values drawn on the host cannot be part of a recording: they would be the same again") {
  CONVOY_NEED_GPUS(1);
  Random random(6);
  const Tensor x = Floats(0);
  const auto message = [](const std::string& method) {
    return "[Random] " + method +
           " draws on the host, and a graph is being recorded, whose replays would all see the "
           "same "
           "values. Draw before the recording";
  };
  const auto recorded = [&](const std::function<void()>& draw) {
    GetBackend(DeviceType::kCuda).Record(kDevice, draw);
  };
  CHECK_THROWS_WITH(recorded([&] { random.Uniform(x, 0, 1); }), message("Uniform"));
  CHECK_THROWS_WITH(recorded([&] { random.Normal(x, 0, 1); }), message("Normal"));
  CHECK_THROWS_WITH(recorded([&] { random.Permutation(3); }), message("Permutation"));
  CHECK_THROWS_WITH(recorded([&] { random.Integers(3, 2); }), message("Integers"));
  // Nothing was dealt, and after a recording all is as before.
  random.Normal(x, 0, 1);
  const Tensor expected = Tensor::Empty({1000});
  Random(6).Normal(expected, 0, 1);
  CHECK(FirstDifference(x.ToVector<float>(), expected.ToVector<float>()) == "");
}

}  // namespace
}  // namespace convoy::cuda
