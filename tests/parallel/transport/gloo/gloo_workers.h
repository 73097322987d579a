// Runs a function on N workers with Gloo between them: threads, which connect as processes do.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/base/error.h"
#include "parallel/launch.h"

namespace convoy {

/// Throws: the run's first failure.
inline void RunGlooWorkers(int workers, const std::function<void(Worker&)>& body,
                           double timeout_s = 60, const std::string& dump = {}) {
  Launch({.workers = workers,
          .threads = 1,
          .device = "cpu",
          .transport = "gloo",
          .timeout_s = timeout_s,
          .dump = dump},
         body);
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
