// Runs a function on N GPUs, one thread each, with NCCL between them even if there is one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/error.h"
#include "parallel/gpu_transport.h"
#include "parallel/worker_threads.h"

namespace convoy {

struct GpuRunOptions {
  double timeout_s = 60;
};

/// Throws: the run's first failure.
inline void RunGpuWorkers(int workers, const std::function<void(Worker&)>& body,
                          const GpuRunOptions& options = {}) {
  GetGpuTransport().Check();
  const std::shared_ptr<Board> board = Board::Make(workers);
  const auto join = [&](int rank) -> std::shared_ptr<ProcessGroup> {
    return GetGpuTransport().Join({.board = board,
                                   .rank = rank,
                                   .device = Device::Cuda(rank),
                                   .timeout_s = options.timeout_s});
  };
  RunThreads(workers, DeviceType::kCuda, body,
             {.join = join,
              .abort = [&](const std::string& reason) { board->Fail(reason); },
              .first_failure = [&] { return board->failure(); }});
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
