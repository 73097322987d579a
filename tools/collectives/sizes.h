// The sizes of messages that a sweep goes through.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace convoy::collectives {

/// The number of bytes that `text` says: "8", "64K", "1.5M", "2G", with steps of 1024. `flag` names
/// it in messages. Throws: Error unless it is a whole number of bytes, at most 1024 G.
int64_t ParseSize(std::string_view flag, std::string_view text);

struct Sweep {
  int64_t first = 0, last = 0;  ///< bytes
  int64_t step = 0;             ///< bytes added to one for the next, if `factor` is 0
  int64_t factor = 0;           ///< else what it is multiplied with
};

/// Every size from the first on that is not above the last.
/// Throws: Error if the last is below the first, or a step leads nowhere.
std::vector<int64_t> SizesOf(const Sweep& sweep);

}  // namespace convoy::collectives
