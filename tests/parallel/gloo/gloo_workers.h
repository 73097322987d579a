// Runs a function on N workers with Gloo between them: threads, which connect as processes do.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/error.h"
#include "parallel/gloo/gloo_group.h"
#include "parallel/worker_threads.h"
#include "tests/parallel/memory_store.h"

namespace convoy {

/// Throws: the run's first failure.
inline void RunGlooWorkers(int workers, const std::function<void(Worker&)>& body,
                           double timeout_s = 60, const std::string& dump = {}) {
  const std::shared_ptr<Board> board = Board::Make(workers);
  MemoryStore store;
  const auto join = [&](int rank) -> std::shared_ptr<ProcessGroup> {
    const Seat seat = {
        .board = board, .rank = rank, .device = Device::Cpu(rank), .timeout_s = timeout_s};
    return std::make_shared<GlooGroup>(seat, store, MeshPlace{"127.0.0.1", "sesame"});
  };
  RunThreads(workers, DeviceType::kCpu, body,
             {.join = join,
              .abort = [&](const std::string& reason) { board->Fail(reason); },
              .first_failure = [&] { return board->failure(); },
              .dump = dump});
}

/// The message with which `body` fails on `workers` workers; empty if it does not.
inline std::string GlooErrorOf(int workers, const std::function<void(Worker&)>& body,
                               double timeout_s = 60, const std::string& dump = {}) {
  try {
    RunGlooWorkers(workers, body, timeout_s, dump);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace convoy
