// Cores that a process may use, from trees of /proc and /sys as machines and containers show them.
#include "core/base/cores.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tests/models/data/temporary_folder.h"

namespace convoy {
namespace {

// A machine of 4 cores with two hardware threads each: 0 and 4 are on one core, and so on.
class Machine {
 public:
  Machine() {
    for (int cpu = 0; cpu < 8; ++cpu) {
      Write("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list",
            std::to_string(cpu % 4) + "," + std::to_string(cpu % 4 + 4) + "\n");
    }
  }
  void Write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(folder_ / path).parent_path());
    folder_.Write(path, text);
  }
  std::vector<int> Cores(const std::vector<int>& cpus) const {
    return CoresOf(cpus, folder_.path());
  }
  int Quota() const { return CoreQuotaIn(folder_.path()); }

 private:
  TemporaryFolder folder_;
};

constexpr int kUnlimited = std::numeric_limits<int>::max();

TEST_CASE("The hardware threads of a core count once, and only cores of the affinity mask do") {
  const Machine machine;
  CHECK(machine.Cores({0, 1, 2, 3, 4, 5, 6, 7}) == std::vector<int>{0, 1, 2, 3});
  CHECK(machine.Cores({0, 4}) == std::vector<int>{0});
  CHECK(machine.Cores({0, 5, 6}) == std::vector<int>{0, 1, 2});
  CHECK(machine.Cores({}).size() == 1);
  machine.Write("sys/devices/system/cpu/cpu9/topology/thread_siblings_list", "8-9\n");
  CHECK(machine.Cores({9}) == std::vector<int>{8});
}

TEST_CASE("Where the machine does not tell its cores, each hardware thread is one") {
  const TemporaryFolder nothing;
  CHECK(CoresOf({0, 1, 2, 3}, nothing.path()) == std::vector<int>{0, 1, 2, 3});
  CHECK(CoreQuotaIn(nothing.path()) == kUnlimited);
}

TEST_CASE("A container's CPU quota limits the cores (cgroup v2)") {
  const Machine machine;
  machine.Write("proc/self/cgroup", "0::/\n");
  machine.Write("sys/fs/cgroup/cpu.max", "max 100000\n");
  CHECK(machine.Quota() == kUnlimited);
  machine.Write("sys/fs/cgroup/cpu.max", "250000 100000\n");
  CHECK(machine.Quota() == 2);
  machine.Write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  CHECK(machine.Quota() == 1);
}

TEST_CASE("The smallest quota of a group and the groups around it counts") {
  const Machine machine;
  machine.Write("proc/self/cgroup", "0::/kube/pod7/trainer\n");
  machine.Write("sys/fs/cgroup/kube/cpu.max", "300000 100000\n");
  machine.Write("sys/fs/cgroup/kube/pod7/trainer/cpu.max", "max 100000\n");
  CHECK(machine.Quota() == 3);
  machine.Write("sys/fs/cgroup/kube/pod7/cpu.max", "200000 100000\n");
  CHECK(machine.Quota() == 2);
}

TEST_CASE("A quota of cgroup v1 is seen, at the host's path and at the container's") {
  const Machine machine;
  // The order of the controllers is not always that of the folder's name.
  const auto [controllers, folder] =
      GENERATE(std::pair{"cpu,cpuacct", "cpu,cpuacct"}, std::pair{"cpuacct,cpu", "cpu"});
  machine.Write("proc/self/cgroup",
                std::string("4:memory:/docker/f00\n3:") + controllers + ":/docker/f00\n0::/\n");
  const std::string mount = std::string("sys/fs/cgroup/") + folder;
  machine.Write(mount + "/cpu.cfs_quota_us", "-1\n");
  machine.Write(mount + "/cpu.cfs_period_us", "100000\n");
  CHECK(machine.Quota() == kUnlimited);
  machine.Write(mount + "/cpu.cfs_quota_us", "200000\n");
  CHECK(machine.Quota() == 2);
  machine.Write(mount + "/docker/f00/cpu.cfs_quota_us", "100000\n");
  machine.Write(mount + "/docker/f00/cpu.cfs_period_us", "100000\n");
  CHECK(machine.Quota() == 1);
}

TEST_CASE("What cannot be understood limits nothing") {
  const Machine machine;
  machine.Write("proc/self/cgroup", "nonsense\n7:cpu\n0::relative\n0::/a\n");
  machine.Write("sys/fs/cgroup/cpu.max", "many 0\n");
  machine.Write("sys/fs/cgroup/a/cpu.max", "");
  CHECK(machine.Quota() == kUnlimited);
}

TEST_CASE("This process has a core") {
  CHECK(AvailableCores() >= 1);
  CHECK(AvailableCores() <= static_cast<int>(AllowedCores().size()));
}

}  // namespace
}  // namespace convoy
