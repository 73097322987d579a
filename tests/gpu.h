// Skips a test case where there are too few GPUs, simulated or real.
#pragma once

namespace convoy {

/// Whether `n` GPUs can be used; if not, prints a line that starts with SKIPPED.
bool HaveGpus(int n);

}  // namespace convoy

#define CONVOY_NEED_GPUS(n)             \
  do {                                  \
    if (!::convoy::HaveGpus(n)) return; \
  } while (false)
