// Prints the GPUs that can be used, or why there is none.
#include <cstdio>
#include <string>

#include "core/backend.h"
#include "core/base/error.h"
#include "core/base/standard_streams.h"

int main() {
  using convoy::Device;
  using convoy::DeviceType;
  convoy::OpenStandardStreams();  // what the driver opens must not take their places
  if (!convoy::HasBackend(DeviceType::kCuda)) {
    std::printf("this build has no CUDA backend\n");
    return 1;
  }
  try {
    convoy::Backend& cuda = convoy::GetBackend(DeviceType::kCuda);
    std::string why;
    const int count = cuda.DeviceCount(&why);
    if (count == 0) std::printf("%s\n", why.c_str());
    for (int i = 0; i < count; ++i) {
      std::printf("cuda:%d %s\n", i, cuda.Describe(Device::Cuda(i)).c_str());
    }
    return count > 0 ? 0 : 1;
  } catch (const convoy::Error& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}
