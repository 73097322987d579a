// How many files and connections this process may have open.
#include "core/base/descriptor_limit.h"

#include <dirent.h>
#include <sys/resource.h>

#include <algorithm>
#include <mutex>
#include <utility>

namespace convoy {
namespace {

constexpr rlim_t kOthers = 512;  // the program's own, and those of libraries

rlim_t Open() {
  rlim_t count = 0;
  if (DIR* folder = opendir("/proc/self/fd")) {
    while (readdir(folder) != nullptr) ++count;
    closedir(folder);
  }
  return count;
}

}  // namespace

bool AllowDescriptors(int more) {
  static std::mutex mutex;  // workers may be threads of one process
  const std::lock_guard lock(mutex);
  const rlim_t needed = Open() + static_cast<rlim_t>(std::max(more, 0));
  const rlim_t wanted = needed + kOthers;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return true;
  const rlim_t before = std::exchange(limit.rlim_cur, std::min(wanted, limit.rlim_max));
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
  return limit.rlim_cur >= needed;
}

}  // namespace convoy
