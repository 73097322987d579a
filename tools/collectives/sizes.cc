// The sizes of messages that a sweep goes through.
#include "tools/collectives/sizes.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <string>

#include "core/base/exit_status.h"

namespace convoy::collectives {
namespace {

constexpr size_t kMostSizes = 10000;
constexpr double kMaxBytes = static_cast<double>(int64_t{1} << 40);

// 0: no suffix that there is.
double FactorOf(std::string_view suffix) {
  if (suffix.empty()) return 1;
  if (suffix.size() > 1) return 0;
  switch (std::toupper(static_cast<unsigned char>(suffix[0]))) {
    case 'K':
      return 1 << 10;
    case 'M':
      return 1 << 20;
    case 'G':
      return 1 << 30;
    default:
      return 0;
  }
}

}  // namespace

int64_t ParseSize(std::string_view flag, std::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string number(text.substr(0, digits));
  char* end = nullptr;
  const double bytes = std::strtod(number.c_str(), &end) * FactorOf(text.substr(digits));
  CheckUsage(!number.empty() && *end == '\0' && FactorOf(text.substr(digits)) > 0 &&
                 bytes == std::floor(bytes) && bytes <= kMaxBytes,
             "[allreduce] {} wants a number of bytes, at most 1024G, such as 8, 64K, 25M or 1G; "
             "got '{}'",
             flag, text);
  return static_cast<int64_t>(bytes);
}

std::vector<int64_t> SizesOf(const Sweep& sweep) {
  CheckUsage(sweep.first <= sweep.last,
             "[allreduce] the smallest size, {} bytes (-b), is above the largest, {} bytes (-e)",
             sweep.first, sweep.last);
  CheckUsage(sweep.first == sweep.last || (sweep.factor == 0 ? sweep.step > 0 : sweep.first > 0),
             "[allreduce] sizes from {} to {} bytes never get there {}; give -f a start (-b) "
             "above 0, or -i a number of bytes above 0",
             sweep.first, sweep.last,
             sweep.factor == 0 ? "by " + std::to_string(sweep.step) + " bytes at a time"
                               : "by a factor of " + std::to_string(sweep.factor));
  std::vector<int64_t> sizes;
  for (int64_t size = sweep.first; size <= sweep.last;) {
    CONVOY_CHECK(sizes.size() < kMostSizes,
                 "[allreduce] from {} to {} bytes there are more than {} sizes; give a larger -i, "
                 "or -f",
                 sweep.first, sweep.last, kMostSizes);
    sizes.push_back(size);
    if (sweep.first == sweep.last) break;
    size = sweep.factor == 0 ? size + sweep.step : size * sweep.factor;
  }
  return sizes;
}

}  // namespace convoy::collectives
