// Ranks in words.
#include "parallel/group/rank_list.h"

#include <fmt/format.h>

#include <algorithm>

namespace convoy {

std::string RankList(const std::vector<int>& ranks) {
  constexpr size_t kMostNamed = 64;
  const size_t named = std::min(ranks.size(), kMostNamed);
  std::string text =
      fmt::format("worker{} {}", ranks.size() == 1 ? "" : "s",
                  fmt::join(ranks.begin(), ranks.begin() + static_cast<long>(named), ", "));
  if (named < ranks.size()) text += fmt::format(" and {} more", ranks.size() - named);
  return text;
}

}  // namespace convoy
