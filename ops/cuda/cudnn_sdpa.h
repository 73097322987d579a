// cuDNN's fused attention, seen through an interface that names nothing of CUDA's or cuDNN's: the
// simulated device has its own (tests/sim/cudnn_sdpa.cc).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>

namespace convoy::cuda {

/// How one of q, k, v or a gradient lies in memory: elements from b to b + 1, and from t to t + 1;
/// heads follow each other, dimensions are 1 apart.
struct SdpaStrides {
  int64_t batch = 0, row = 0;
  auto operator<=>(const SdpaStrides&) const = default;
};

/// All that a plan depends on. out and its gradient are (B, Tq, H, D), stats (B, H, Tq) in f32: the
/// logarithm to base e of each query's sum of exponentials.
struct SdpaProblem {
  int device = 0;
  bool bf16 = false;  ///< else f16
  bool causal = false;
  bool backward = false;
  bool stats = false;          ///< forward: write them
  bool deterministic = false;  ///< backward: the same bits every time
  int64_t batch = 0, heads = 0, queries = 0, keys = 0, dim = 0;
  float scale = 1;
  SdpaStrides q, k, v, dq, dk, dv;
  auto operator<=>(const SdpaProblem&) const = default;
};

struct SdpaPointers {
  const void *q = nullptr, *k = nullptr, *v = nullptr;
  void* out = nullptr;    ///< forward: written
  void* stats = nullptr;  ///< forward: written if asked for
  const void* dout = nullptr;
  void *dq = nullptr, *dk = nullptr, *dv = nullptr;
};

/// Why cuDNN does not compute this on the current device, or nothing if it does. The first call for
/// a problem makes its plan. Never throws.
std::string SdpaDeclines(const SdpaProblem& problem);

/// Of a problem that is not declined.
size_t SdpaWorkspaceBytes(const SdpaProblem& problem);

/// Queues it. `stream` is a cudaStream_t of the current device. Throws: Error if cuDNN fails.
void RunSdpa(const SdpaProblem& problem, const SdpaPointers& pointers, void* workspace,
             void* stream);

/// What cuDNN's frontend finds wrong with the problem's graph for a GPU of sm_90, without asking
/// any device; or nothing.
std::string SdpaGraphError(const SdpaProblem& problem);

}  // namespace convoy::cuda
