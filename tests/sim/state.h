// The simulated devices' own state, and what every call of the runtime does first.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "tests/sim/control.h"

namespace convoy::sim {

inline constexpr int kMaxDevices = 64;

/// What control.h sets. Relaxed everywhere: reading it must order nothing.
struct Settings {
  std::atomic<int> devices{0};
  std::atomic<int> identities[kMaxDevices];  // which of the machine's they are
  std::atomic<Driver> driver{Driver::kPresent};
  std::atomic<size_t> memory{0};
  std::atomic<uint64_t> seed{1};
  std::atomic<int> delay_one_in{0};
  std::atomic<int> delay_max_us{0};
  std::atomic<Lag> lag{Lag::kNothing};
  std::atomic<int64_t> host_syncs{0};
  std::atomic<int64_t> pageable_copies{0};
  std::atomic<int64_t> operations{0};
};
Settings& GetSettings();

struct Device {
  int index = 0;
  std::atomic<cudaError_t> broken{cudaSuccess};
  std::atomic<int64_t> until_broken{-1};  // operations; negative: never
  std::atomic<cudaError_t> breaks_with{cudaSuccess};
  std::atomic<size_t> used{0};
  std::atomic<uint64_t> streams_made{0};
};
Device& GetDevice(int index);

int CurrentDevice();
void SetCurrentDevice(int index);

/// The error that a call of `function` fails with before it does anything, or cudaSuccess.
cudaError_t Enter(const char* function);
/// Passes an error on, and keeps it for cudaGetLastError.
cudaError_t Result(cudaError_t error);
cudaError_t LastError(bool clear);

}  // namespace convoy::sim

/// Opens every function of the runtime that needs a device.
#define SIM_ENTER()                                                                               \
  do {                                                                                            \
    if (const cudaError_t sim_error = ::convoy::sim::Enter(__func__); sim_error != cudaSuccess) { \
      return ::convoy::sim::Result(sim_error);                                                    \
    }                                                                                             \
  } while (false)
