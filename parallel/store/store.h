// Small values that the processes of a job leave for each other under names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::store {

/// Safe to use from several threads, whose calls may wait for each other. Everything here is for
/// starting up and ending: it is not fast.
class Store {
 public:
  virtual ~Store() = default;

  /// Replaces what was there.
  virtual void Set(std::string_view key, std::string_view value) = 0;
  /// The value, once somebody has set it. Throws: Error if nobody does within `timeout_s`.
  virtual std::string Get(std::string_view key, double timeout_s) = 0;
  /// Adds to a counter, at first 0, and returns the sum. Get returns it in decimal digits.
  /// Throws: Error if the value is not a counter.
  virtual int64_t Add(std::string_view key, int64_t amount) = 0;
  /// Returns once all keys are there. Throws: Error naming those that are not after `timeout_s`.
  virtual void Wait(const std::vector<std::string>& keys, double timeout_s) = 0;
};

}  // namespace convoy::store
