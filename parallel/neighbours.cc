// Which processes of a job share a machine, and its cores.
#include "parallel/neighbours.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string>

#include "parallel/processes/host_name.h"

namespace convoy {
namespace {

// Read by people if one does not come.
std::string KeyOf(int rank) { return "the machine of worker " + std::to_string(rank); }

// The same for processes of one network namespace of one machine: containers may have their own,
// and so have the hosts that tests make. Where the system does not tell, that of the host's name.
std::string Network() {
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  std::array<char, 256> text{};
  if (readlink("/proc/self/ns/net", text.data(), text.size() - 1) > 0) {
    return boot + "/" + text.data();
  }
  return boot + "/" + HostName();
}

// The same for processes that share a machine: containers of one network may have names of their
// own.
std::string Machine() { return Network() + "/" + HostName(); }

// The cores that this process may run on, one digit each.
std::string Cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof(set), &set);
  std::string text;
  for (int core = 0; core < CPU_SETSIZE; ++core) text += CPU_ISSET(core, &set) ? '1' : '0';
  return text;
}

}  // namespace

Neighbours FindNeighbours(Store& store, int rank, int size, double timeout_s) {
  const std::string network = Network(), machine = Machine(), cores = Cores();
  store.Set(KeyOf(rank), machine + " " + cores);
  Neighbours found{.local_size = 0, .sharing_cores = 0};
  std::string all = cores;
  for (int other = 0; other < size; ++other) {
    const std::string text = store.Get(KeyOf(other), timeout_s);
    const size_t space = text.rfind(' ');
    if (!found.elsewhere && !text.starts_with(network + "/")) found.elsewhere = other;
    if (space == std::string::npos || text.substr(0, space) != machine) continue;
    ++found.local_size;
    if (other < rank) ++found.local_rank;
    const std::string theirs = text.substr(space + 1);
    if (theirs == cores) ++found.sharing_cores;
    for (size_t core = 0; core < std::min(all.size(), theirs.size()); ++core) {
      all[core] = std::max(all[core], theirs[core]);
    }
  }
  found.cores = static_cast<int>(std::count(all.begin(), all.end(), '1'));
  return found;
}

}  // namespace convoy
