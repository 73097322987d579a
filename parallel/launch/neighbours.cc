// Which processes of a job share a machine, and its cores.
#include "parallel/launch/neighbours.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/base/cores.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/host_name.h"

namespace convoy::launch {
namespace {

// Keys in the store; a message names one if its value does not come.
std::string KeyOf(int rank) { return "the machine of worker " + std::to_string(rank); }
constexpr char kAllKey[] = "the machines of all workers";

// Worker 0 names the worker that does not answer, so it has to be the first to give up.
constexpr double kSlackS = 5;

// The same for processes of one network namespace of one machine: containers may have their own,
// and so have the hosts that tests make. Where the system does not tell, that of the host's name.
std::string Network() {
  std::string boot = ReadKernelFile("/proc/sys/kernel/random/boot_id");
  boot.erase(std::min(boot.find('\n'), boot.size()));
  std::array<char, 256> text{};
  if (readlink("/proc/self/ns/net", text.data(), text.size() - 1) > 0) {
    return boot + "/" + text.data();
  }
  return boot + "/" + HostName();
}

// The same for processes that share a machine: containers of one network may have names of their
// own.
std::string Machine() { return Network() + "/" + HostName(); }

// The cores that this process may run on: a bit each, in hexadecimal digits, core 0 in the first.
std::string Cores() {
  std::vector<int> digits;
  for (const int core : AllowedCores()) {  // in ascending order
    digits.resize(static_cast<size_t>(core / 4) + 1);
    digits.back() |= 1 << core % 4;
  }
  std::string text;
  for (const int digit : digits) text += "0123456789abcdef"[digit];
  return text;
}

int CountBits(const std::vector<int>& digits) {
  int bits = 0;
  for (const int digit : digits) bits += __builtin_popcount(static_cast<unsigned>(digit));
  return bits;
}

int DigitOf(char hex) { return hex <= '9' ? hex - '0' : hex - 'a' + 10; }

// Two requests a worker, and two more for each that worker 0 makes: not one for every pair.
std::vector<std::string> ExchangeMachines(store::Store& store, int rank, int size, double timeout_s,
                                          const std::string& own) {
  store.Set(KeyOf(rank), own);
  std::string all;
  if (rank == 0) {
    for (int other = 0; other < size; ++other) all += store.Get(KeyOf(other), timeout_s) + "\n";
    store.Set(kAllKey, all);
  } else {
    all = store.Get(kAllKey, timeout_s + kSlackS);
  }
  std::vector<std::string> machines;
  for (size_t begin = 0, end; (end = all.find('\n', begin)) != std::string::npos; begin = end + 1) {
    machines.push_back(all.substr(begin, end - begin));
  }
  CONVOY_CHECK(machines.size() == static_cast<size_t>(size),
               "[Launch] worker 0 knows the machines of {} workers, and {} were expected",
               machines.size(), size);
  return machines;
}

}  // namespace

Neighbours FindNeighbours(store::Store& store, int rank, int size, double timeout_s) {
  const std::string network = Network(), machine = Machine(), cores = Cores();
  const std::vector<std::string> machines =
      ExchangeMachines(store, rank, size, timeout_s, machine + " " + cores);
  Neighbours found{.local_size = 0, .sharing_cores = 0};
  std::vector<int> all_cores;
  for (int other = 0; other < size; ++other) {
    const std::string& text = machines[static_cast<size_t>(other)];
    const size_t space = text.rfind(' ');
    if (!found.first_remote_rank && !text.starts_with(network + "/")) {
      found.first_remote_rank = other;
    }
    if (space == std::string::npos || text.substr(0, space) != machine) continue;
    ++found.local_size;
    if (other < rank) ++found.local_rank;
    const std::string theirs = text.substr(space + 1);
    if (theirs == cores) ++found.sharing_cores;
    all_cores.resize(std::max(all_cores.size(), theirs.size()));
    for (size_t i = 0; i < theirs.size(); ++i) {
      all_cores[i] |= DigitOf(theirs[i]);
    }
  }
  found.cores = std::min(CountBits(all_cores), CoreQuota());
  return found;
}

}  // namespace convoy::launch
