// How many cores this process may compute on.
#include "core/base/cores.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/file.h"

namespace convoy {
namespace {

constexpr int kUnlimited = std::numeric_limits<int>::max();

// 0 for what is no number, such as the "max" of cgroup v2.
int64_t ToInteger(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Whole cores for `quota` microseconds of computing in each `period`. Without a limit the quota is
// "max" in cgroup v2, and -1 in v1.
int CoresOfQuota(std::string_view quota, std::string_view period) {
  const int64_t quota_us = ToInteger(quota), period_us = ToInteger(period);
  if (quota_us <= 0 || period_us <= 0) return kUnlimited;
  return static_cast<int>(std::clamp<int64_t>(quota_us / period_us, 1, kUnlimited));
}

int QuotaV2(const std::string& folder) {
  const std::string text = ReadKernelFile(folder + "/cpu.max");  // "250000 100000"
  const size_t space = std::min(text.find(' '), text.size());
  return CoresOfQuota(text, std::string_view(text).substr(std::min(space + 1, text.size())));
}

int QuotaV1(const std::string& folder) {
  return CoresOfQuota(ReadKernelFile(folder + "/cpu.cfs_quota_us"),
                      ReadKernelFile(folder + "/cpu.cfs_period_us"));
}

// The smallest quota of a group and the groups around it. In a container the group's path may be
// that of the host; the container then sees its own group at `mount`, where the walk ends.
int SmallestQuota(const std::string& mount, std::string group,
                  int (*quota_of)(const std::string&)) {
  int cores = kUnlimited;
  for (;;) {
    cores = std::min(cores, quota_of(mount + group));
    if (group.empty()) return cores;
    group.erase(group.rfind('/'));
  }
}

// The hardware threads of the affinity mask.
std::vector<int> HardwareThreads() {
  std::vector<int> hardware_threads;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) hardware_threads.push_back(cpu);
    }
  } else {  // more CPUs than a cpu_set_t holds
    for (unsigned cpu = 0; cpu < std::thread::hardware_concurrency(); ++cpu) {
      hardware_threads.push_back(static_cast<int>(cpu));
    }
  }
  return hardware_threads;
}

}  // namespace

std::vector<int> CoresOf(const std::vector<int>& hardware_threads, const std::string& root) {
  std::set<int> cores;
  for (const int cpu : hardware_threads) {
    // "3,7" or "6-7": the first number is enough.
    const std::string siblings = ReadKernelFile(
        fmt::format("{}/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", root, cpu));
    int first = cpu;
    std::from_chars(siblings.data(), siblings.data() + siblings.size(), first);
    cores.insert(first);
  }
  if (cores.empty()) cores.insert(0);
  return {cores.begin(), cores.end()};
}

// man 7 cgroups: each line of /proc/self/cgroup is "ID:CONTROLLERS:PATH"; v2 has no controllers.
// The folder of v1's cpu controller is named for all that are mounted with it, in either order, and
// systemd links it as "cpu".
int CoreQuotaIn(const std::string& root) {
  int cores = kUnlimited;
  const std::string text = ReadKernelFile(root + "/proc/self/cgroup");
  for (size_t begin = 0, end = 0; begin < text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string group = line.substr(second + 1);
    if (!group.starts_with('/')) continue;
    if (group == "/") group.clear();
    const std::string mount = root + "/sys/fs/cgroup";
    if (controllers.empty()) {
      cores = std::min(cores, SmallestQuota(mount, group, QuotaV2));
    } else if (fmt::format(",{},", controllers).find(",cpu,") != std::string::npos) {
      for (const std::string& folder : {controllers, std::string("cpu")}) {
        cores = std::min(cores, SmallestQuota(mount + "/" + folder, group, QuotaV1));
      }
    }
  }
  return cores;
}

int CoreQuota() { return CoreQuotaIn(""); }

std::vector<int> AllowedCores() { return CoresOf(HardwareThreads(), ""); }

int AvailableCores() { return std::min(static_cast<int>(AllowedCores().size()), CoreQuota()); }

}  // namespace convoy
