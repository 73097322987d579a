// Runs a function on N GPUs, one thread each, with NCCL between them even if there is one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/base/error.h"
#include "parallel/launch.h"

namespace convoy {

struct GpuRunOptions {
  double timeout_s = 60;
};

/// Throws: the run's first failure.
inline void RunGpuWorkers(int workers, const std::function<void(Worker&)>& body,
                          const GpuRunOptions& options = {}) {
  Launch({.workers = workers,
          .device = "cuda",
          .launch = "threads",
          .transport = "nccl",
          .timeout_s = options.timeout_s},
         body);
}

/// The message with which `body` fails on `workers` GPUs; empty if it does not.
inline std::string GpuErrorOf(int workers, const std::function<void(Worker&)>& body,
                              const GpuRunOptions& options = {}) {
  try {
    RunGpuWorkers(workers, body, options);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace convoy
