// Runs a function on N workers, for tests: failures inside workers become the error of the run.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "core/base/error.h"
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

/// As Expect, and says what was found.
template <typename T, typename U>
void ExpectEqual(const T& found, const U& expected, const std::string& what) {
  CONVOY_CHECK(found == expected, "[Expect] {}: expected {}, found {}", what, expected, found);
}

/// Of two vectors that differ, says where they do so first.
template <typename T>
void ExpectEqual(const std::vector<T>& found, const std::vector<T>& expected,
                 const std::string& what) {
  ExpectEqual(found.size(), expected.size(), what + ", elements");
  const auto at = std::mismatch(found.begin(), found.end(), expected.begin()).first;
  if (at == found.end()) return;
  const auto i = static_cast<size_t>(at - found.begin());
  Fail("[Expect] {}: expected {} at place {} of {}, found {}", what, expected[i], i, found.size(),
       found[i]);
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
