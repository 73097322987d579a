// What a test says to the simulated device: how many there are, how they misbehave, what they saw.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace convoy::sim {

/// Everything below as it is at the start of the process: what the environment says, no lag, no
/// waits left out, no failures. Devices that failed work again; their memory stays.
void Reset();

/// How many devices there are. At first CONVOY_SIM_DEVICES, or 0; of these, those that
/// CUDA_VISIBLE_DEVICES names by number, if it is there.
void SetDeviceCount(int count);

/// At first CONVOY_SIM_DRIVER: "missing", "old", or nothing for a driver that works.
enum class Driver { kPresent, kMissing, kOld };
void SetDriver(Driver driver);

/// Memory of each device. At first CONVOY_SIM_MEMORY (bytes, or with a suffix K, M or G), or 8 GiB.
void SetMemory(size_t bytes_per_device);
/// Bytes allocated on a device, by cudaMalloc and cudaMallocAsync.
size_t MemoryInUse(int device);

/// What random numbers start from: orders of threads, blocks and graph nodes, delays. At first
/// CONVOY_SIM_SEED, or 1. Counts for streams made from then on.
void SetSeed(uint64_t seed);
/// One operation in `one_in` starts late, by up to `max_us`. (0, 0): none. At first (16, 100).
void SetDelays(int one_in, int max_us);

/// Which work dawdles: a lagging operation runs only when something waits for it, or asks whether
/// it is done: another stream reaching a wait for an event behind it, the host. (And after two
/// seconds, so that nothing hangs.) All other work runs at once. So work that should have waited
/// and does not comes first, every time.
enum class Lag {
  kNothing,
  kNormalStreams,  // of the lowest priority
  kHighStreams,    // of any higher priority
  kCopies,         // in all streams, and what is behind them
  kAllStreams,
};
void LagStreams(Lag lag);
/// Makes one stream lag, whatever LagStreams says.
void LagStream(cudaStream_t stream, bool lags);

/// Leaves out the waits of that name (cuda::Event::MakeWait); nullptr: none.
void DropWaits(const char* site);
/// The names of all waits so far, sorted.
std::vector<std::string> WaitSites();
/// Called by cuda::Event::MakeWait: notes the site, says whether to leave the wait out.
bool SkipWait(const char* site);

/// Calls that made the host wait for a device: synchronisations of streams, events and devices,
/// synchronous copies, cudaFree and cudaFreeHost, copies to memory that is not pinned.
int64_t HostSyncs();
/// Asynchronous copies from memory that is not pinned: they are staged by the host.
int64_t PageableCopies();
/// Kernels, copies and other work given to streams, one by one or in graphs that were launched.
int64_t Operations();

/// The `nth` call of a function from now on (1: the next) returns `error`, once, and does nothing.
/// `function` is a name as in the library's header; `error` its code.
void FailCall(const std::string& function, int nth, int error);
/// What FailCall wants of this call of `function`: an error, or 0. For the fakes of libraries.
int InjectedFailure(const char* function);

/// Breaks a device, as an illegal access does: once `after` more operations have run on it, no
/// more do, and every call made with it current returns `error`.
void FailDevice(int device, cudaError_t error, int64_t after = 0);

}  // namespace convoy::sim
