// Ranks in words.
#pragma once

#include <string>
#include <vector>

namespace convoy {

/// "worker 2", "workers 0, 1, 3"; of many, the first and how many more.
std::string RankList(const std::vector<int>& ranks);

}  // namespace convoy
