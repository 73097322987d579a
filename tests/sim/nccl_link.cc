// What the ranks of a fake NCCL communicator share: memory between threads and processes.
#include "tests/sim/nccl_link.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

namespace convoy::sim {

struct NcclLink::Shared {
  std::atomic<uint32_t> attached;
  struct Rank {
    alignas(64) std::atomic<uint64_t> step;
    NcclOp op;
  } ranks[kMaxRanks];
  struct Channel {
    alignas(64) std::atomic<uint64_t> bytes;  // 0: empty
    std::byte data[kChannelBytes];
  } channels[kMaxRanks][kMaxRanks];  // [from][to]
  std::byte areas[kMaxRanks][kAreaBytes];
};

namespace {

// The memory has no name that could be left behind: others reach it through the process that made
// it, and keep it by their mappings.
struct Name {
  char magic[8] = "simnccl";
  int64_t pid = 0;
  int64_t fd = -1;
  int64_t number = -1;  // of those that the process has made: descriptors are used again
};

// Made by this process, and closed once everybody has a mapping.
struct Made {
  std::mutex mutex;
  std::map<int64_t, int> files;  // by number
  int64_t next = 0;
};
Made& GetMade() {
  static Made* const made = new Made;
  return *made;
}

}  // namespace

bool NcclLink::MakeId(ncclUniqueId* id) {
  Name name;
  const int fd = memfd_create("sim-nccl", MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, sizeof(Shared)) != 0) return false;
  name.pid = getpid();
  name.fd = fd;
  const std::lock_guard lock(GetMade().mutex);
  name.number = GetMade().next++;
  GetMade().files[name.number] = fd;
  std::memset(id, 0, sizeof(*id));
  std::memcpy(id, &name, sizeof(name));
  return true;
}

NcclLink::NcclLink(const ncclUniqueId& id, int rank, int size) : rank_(rank), size_(size) {
  Name name, expected;
  std::memcpy(static_cast<void*>(&name), &id, sizeof(name));
  if (std::memcmp(name.magic, expected.magic, sizeof(name.magic)) != 0) return;
  const std::string path = "/proc/" + std::to_string(name.pid) + "/fd/" + std::to_string(name.fd);
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (memory == MAP_FAILED) return;
  shared_ = static_cast<Shared*>(memory);
  if (name.pid == getpid()) file_ = name.number;
  shared_->attached.fetch_add(1);
}

NcclLink::~NcclLink() {
  if (shared_ != nullptr) munmap(shared_, sizeof(Shared));
}

bool NcclLink::AllAttached() const {
  if (shared_->attached.load() < static_cast<uint32_t>(size_)) return false;
  const std::lock_guard lock(GetMade().mutex);
  if (const auto node = GetMade().files.extract(file_)) close(node.mapped());
  return true;
}

bool NcclLink::Await(const std::function<bool()>& done) const {
  for (int tries = 0; !done(); ++tries) {
    if (aborted()) return false;
    if (tries < 20) {
      sched_yield();
    } else {
      usleep(static_cast<unsigned>(std::min(tries, 200)));
    }
  }
  return true;
}

bool NcclLink::Barrier() {
  shared_->ranks[rank_].step.store(++step_);
  return Await([this] {
    for (int r = 0; r < size_; ++r) {
      if (shared_->ranks[r].step.load() < step_) return false;
    }
    return true;
  });
}

void NcclLink::Announce(const NcclOp& op) { shared_->ranks[rank_].op = op; }

bool NcclLink::AllAgree() const {
  for (int r = 1; r < size_; ++r) {
    if (!(shared_->ranks[r].op == shared_->ranks[0].op)) return false;
  }
  return true;
}

std::byte* NcclLink::area(int r) const { return shared_->areas[r]; }

bool NcclLink::Offer(int to, const void* data, size_t bytes) {
  auto& channel = shared_->channels[rank_][to];
  if (channel.bytes.load() != 0) return false;
  std::memcpy(channel.data, data, bytes);
  channel.bytes.store(bytes);
  return true;
}

size_t NcclLink::Take(int from, void* data, size_t at_most) {
  auto& channel = shared_->channels[from][rank_];
  const size_t bytes = channel.bytes.load();
  if (bytes == 0) return 0;
  std::memcpy(data, channel.data, std::min(bytes, at_most));
  channel.bytes.store(0);
  return bytes;
}

}  // namespace convoy::sim
