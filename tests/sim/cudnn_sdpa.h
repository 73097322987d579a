// What a test says to the simulated cuDNN, and what it saw.
#pragma once

#include <cstdint>
#include <string>

namespace convoy::sim {

/// As if the library were missing: every attention is declined with these words. Empty: it is
/// there.
void SetCudnnMissing(const std::string& why);
/// Attentions given to streams so far.
int64_t CudnnForwards();
int64_t CudnnBackwards();

}  // namespace convoy::sim
