// The program as it is built for real GPUs, on a machine without one.
#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

#include "core/backend.h"
#include "core/base/error.h"
#include "core/tensor.h"

namespace convoy {
namespace {

TEST_CASE("without a GPU the CUDA backend says why, and the CPU works") {
  CHECK(Tensor::Full({3}, 2).ToVector<float>() == std::vector<float>{2, 2, 2});
  if (!HasBackend(DeviceType::kCuda)) {
    CHECK_THROWS_WITH(Tensor::Zeros({1}, {DType::kF32, Device::Cuda()}),
                      "[Device] this build has no cuda backend");
    return;
  }
  std::string why;
  if (GetBackend(DeviceType::kCuda).DeviceCount(&why) > 0) {
    std::printf("SKIPPED: there is a GPU\n");
    return;
  }
  CAPTURE(why);
  CHECK_THAT(why, Catch::Contains("driver"));
  CHECK_THROWS_WITH(Tensor::Zeros({1}, {DType::kF32, Device::Cuda()}),
                    "[CUDA] cuda:0 cannot be used: " + why);
}

}  // namespace
}  // namespace convoy
