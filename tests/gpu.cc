// Skips a test case where there are too few GPUs, simulated or real.
#include "tests/gpu.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

#include "core/backend.h"

namespace convoy {

bool HaveGpus(int n) {
  std::string why = "this build has no CUDA backend";
  const int count =
      HasBackend(DeviceType::kCuda) ? GetBackend(DeviceType::kCuda).DeviceCount(&why) : 0;
  if (count >= n) return true;
  std::printf("SKIPPED: %s wants %d GPU(s), there are %d%s%s\n",
              Catch::getResultCapture().getCurrentTestName().c_str(), n, count,
              count == 0 ? ": " : "", count == 0 ? why.c_str() : "");
  return false;
}

}  // namespace convoy
