// How Launch reaches the transport between GPUs without knowing CUDA.
#pragma once

#include <memory>
#include <string>

#include "parallel/peers.h"
#include "parallel/process_group.h"

namespace convoy {

class GpuTransport {
 public:
  virtual ~GpuTransport() = default;

  /// Throws: Error saying what is missing, or too old, for GPUs to talk to each other.
  virtual void Check() = 0;

  /// The GPU `cuda:gpu` for people, with an identity that no other GPU has, in any process or host:
  /// "NVIDIA H200, GPU-1d2c3b4a-...". Throws: Error if it cannot be used.
  virtual std::string Identify(int gpu) = 0;

  /// A worker's end; returns when all workers have joined. Called by the worker's thread, which is
  /// also the one that drops it. Throws: Error naming the workers that have not joined in time.
  virtual std::shared_ptr<ProcessGroup> Join(const Seat& seat) = 0;
};

/// Installs the transport; called once, by a static initialiser of its library.
void RegisterGpuTransport(GpuTransport* transport);

/// Throws: Error if this build has none.
GpuTransport& GetGpuTransport();

}  // namespace convoy
