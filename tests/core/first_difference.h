// Long lists compared, with a failure that can be read.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

namespace convoy {

/// Empty if the lists are the same; else the first place at which they differ, with both values:
/// "value 256 of 1000 is 0.25, not 0.75 (and 499 more)".
template <typename T>
std::string FirstDifference(const std::vector<T>& got, const std::vector<T>& want) {
  if (got.size() != want.size()) return fmt::format("{} values, not {}", got.size(), want.size());
  std::string text;
  size_t others = 0;
  for (size_t i = 0; i < want.size(); ++i) {
    if (got[i] == want[i]) continue;
    if (text.empty()) {
      text = fmt::format("value {} of {} is {}, not {}", i, want.size(), got[i], want[i]);
    } else {
      ++others;
    }
  }
  return others == 0 ? text : fmt::format("{} (and {} more)", text, others);
}

}  // namespace convoy
