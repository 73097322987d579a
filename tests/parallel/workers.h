// Runs a function on N workers, for tests: failures inside workers become the error of the run.
#pragma once

#include <functional>
#include <string>

#include "core/error.h"
#include "parallel/launch.h"

namespace convoy {

/// One thread each. Throws: what the first failing worker threw.
inline void RunWorkers(int workers, const std::function<void(Worker&)>& body) {
  Launch({.workers = workers, .threads = 1, .device = "cpu"}, body);
}

/// For use inside workers, where Catch2's assertions (which are not safe to use from several
/// threads) must not be.
inline void Expect(bool condition, const std::string& what) {
  CONVOY_CHECK(condition, "[Expect] {}", what);
}

/// The message with which `body` fails on `workers` workers; empty if it does not.
inline std::string ErrorOf(int workers, const std::function<void(Worker&)>& body) {
  try {
    RunWorkers(workers, body);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace convoy
