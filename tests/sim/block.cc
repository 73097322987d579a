// Runs the blocks of a kernel, their threads as cooperative fibers on the calling system thread.
#include "tests/sim/block.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "tests/sim/fiber.h"
#include "tests/sim/kernel.h"
#include "tests/sim/random.h"

namespace convoy::sim {

constinit thread_local Place place{};

namespace {

constexpr unsigned kWarpLanes = 32;

// A fiber runs one thread after the other, block after block, for as long as they end without
// waiting: most kernels need a single one.
struct Worker {
  Worker() : fiber(&Worker::Main, this) {}
  static void Main(void* self);

  Fiber fiber;
  int thread = -1;  // to begin with, when it is switched to; -1: end
};

struct Warp {
  uint32_t exists = 0;   // lanes
  uint32_t waiting = 0;  // lanes at an exchange
  uint32_t mask[kWarpLanes];
  uint64_t value[kWarpLanes];
  Get get[kWarpLanes];
  int source[kWarpLanes];
};

struct Thread {
  uint3 index;
  Worker* worker;   // it waits on this one's stack
  uint64_t result;  // of its last exchange
};

// What runs on this system thread.
class Runner {
 public:
  ~Runner();
  void Run(dim3 grid, dim3 block, size_t shared_bytes, uint64_t seed,
           const std::function<void()>& body);

  void* shared() const { return shared_.get(); }
  int Index() const {
    return static_cast<int>(place.thread.x +
                            place.block_size.x *
                                (place.thread.y + place.block_size.y * place.thread.z));
  }
  int SyncBlock(bool predicate);
  uint64_t Exchange(uint32_t mask, Get get, uint64_t value, int source);
  void Work(Worker& worker);

 private:
  [[noreturn]] void Die(const char* what) const;
  bool BeginBlock();
  int NextFresh();
  int NextReady();
  void Yield();
  void SwitchTo(Fiber& from, int fresh, int ready);
  void MakeReady(int thread) { ready_.push_back(thread); }
  void ReleaseBlock();
  void Finish(Warp& warp, uint32_t group, size_t first_thread, int self);
  [[noreturn]] void DieOfDeadlock();

  const std::function<void()>* body_ = nullptr;
  std::unique_ptr<unsigned char[]> shared_;
  size_t shared_bytes_ = 0;
  uint64_t random_ = 0;
  uint64_t blocks_left_ = 0, blocks_ = 0, next_block_ = 0;

  int count_ = 0;  // threads of a block
  int alive_ = 0, fresh_ = 0, next_fresh_ = 0, fresh_step_ = 1;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<int> ready_;  // threads that waited and need not any more; from ready_begin_ on
  size_t ready_begin_ = 0;
  bool newest_first_ = false;

  std::vector<int> at_barrier_;
  int predicates_ = 0, counted_ = 0;

  Worker* running_ = nullptr;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> idle_;
  Fiber main_;
};

thread_local Runner* runner = nullptr;

void Worker::Main(void* self) {
  auto& worker = *static_cast<Worker*>(self);
  runner->Work(worker);
}

Runner::~Runner() {
  runner = this;
  for (Worker* worker : idle_) {  // so that AddressSanitizer can let go of their stacks
    worker->thread = -1;
    SwitchFiber(main_, worker->fiber);
  }
}

void Runner::Die(const char* what) const {
  std::fprintf(stderr, "[sim] block (%u, %u, %u), thread (%u, %u, %u): %s\n", place.block.x,
               place.block.y, place.block.z, place.thread.x, place.thread.y, place.thread.z, what);
  std::abort();
}

void Runner::DieOfDeadlock() {
  int stuck = at_barrier_.empty() ? -1 : at_barrier_.front();
  for (size_t w = 0; w < warps_.size() && stuck < 0; ++w) {
    if (warps_[w].waiting == 0) continue;
    stuck = static_cast<int>(w * kWarpLanes) + std::countr_zero(warps_[w].waiting);
  }
  place.thread = threads_[static_cast<size_t>(stuck)].index;
  Die("waits at a barrier or warp exchange that the others do not reach");
}

bool Runner::BeginBlock() {
  if (blocks_left_ == 0) return false;
  --blocks_left_;
  const uint64_t at = next_block_;
  next_block_ = at + 1 == blocks_ ? 0 : at + 1;
  const uint3& grid = place.grid_size;
  place.block = {static_cast<unsigned>(at % grid.x), static_cast<unsigned>(at / grid.x % grid.y),
                 static_cast<unsigned>(at / grid.x / grid.y)};
  if (shared_bytes_ != 0) std::memset(shared_.get(), 0xff, shared_bytes_);
  const uint64_t order = NextRandom(random_);
  alive_ = fresh_ = count_;
  fresh_step_ = (order & 1) != 0 ? 1 : -1;
  newest_first_ = (order & 2) != 0;
  next_fresh_ = static_cast<int>((order >> 2) % static_cast<unsigned>(count_));
  return true;
}

// Takes the next thread that has not begun, or -1.
int Runner::NextFresh() {
  if (fresh_ == 0) return -1;
  --fresh_;
  const int thread = next_fresh_;
  next_fresh_ += fresh_step_;
  if (next_fresh_ == count_) next_fresh_ = 0;
  if (next_fresh_ < 0) next_fresh_ = count_ - 1;
  return thread;
}

int Runner::NextReady() {
  if (ready_begin_ == ready_.size()) return -1;
  int thread;
  if (newest_first_) {
    thread = ready_.back();
    ready_.pop_back();
  } else {
    thread = ready_[ready_begin_++];
  }
  if (ready_begin_ == ready_.size()) {
    ready_.clear();
    ready_begin_ = 0;
  }
  return thread;
}

// Goes on with a thread that has not begun, on an idle fiber, or with one that waited.
void Runner::SwitchTo(Fiber& from, int fresh, int ready) {
  Worker* to;
  if (fresh >= 0) {
    if (idle_.empty()) {
      workers_.push_back(std::make_unique<Worker>());
      idle_.push_back(workers_.back().get());
    }
    to = idle_.back();
    idle_.pop_back();
    to->thread = fresh;
  } else {
    to = threads_[static_cast<size_t>(ready)].worker;
  }
  running_ = to;
  SwitchFiber(from, to->fiber);
}

// The running thread waits: others go on, until one of them has made it ready.
void Runner::Yield() {
  Worker* const worker = running_;
  Thread& self = threads_[static_cast<size_t>(Index())];
  self.worker = worker;
  self.index = place.thread;
  const int ready = newest_first_ ? NextReady() : -1;
  const int fresh = ready >= 0 ? -1 : NextFresh();
  const int last = ready >= 0 || fresh >= 0 ? ready : NextReady();
  if (fresh < 0 && last < 0) DieOfDeadlock();
  SwitchTo(worker->fiber, fresh, last);
  place.thread = self.index;
}

void Runner::Work(Worker& worker) {
  while (worker.thread >= 0) {
    const auto index = static_cast<unsigned>(worker.thread);
    const uint3& size = place.block_size;
    place.thread = size.y * size.z == 1
                       ? uint3{index, 0, 0}
                       : uint3{index % size.x, index / size.x % size.y, index / (size.x * size.y)};
    (*body_)();
    --alive_;
    if (alive_ > 0 && alive_ == static_cast<int>(at_barrier_.size())) ReleaseBlock();
    worker.thread = NextFresh();
    if (worker.thread >= 0) continue;
    const int ready = NextReady();
    if (ready < 0) {
      if (alive_ > 0) DieOfDeadlock();
      if (BeginBlock()) {
        worker.thread = NextFresh();
        continue;
      }
      idle_.push_back(&worker);
      SwitchFiber(worker.fiber, main_);
    } else {
      idle_.push_back(&worker);
      SwitchTo(worker.fiber, -1, ready);
    }
  }
  EndFiber(worker.fiber, main_);
}

void Runner::ReleaseBlock() {
  counted_ = std::exchange(predicates_, 0);
  const size_t count = at_barrier_.size();
  const size_t start = count == 0 ? 0 : NextRandom(random_) % count;
  for (size_t i = 0; i < count; ++i) MakeReady(at_barrier_[(start + i) % count]);
  at_barrier_.clear();
}

int Runner::SyncBlock(bool predicate) {
  predicates_ += predicate;
  if (static_cast<int>(at_barrier_.size()) + 1 == alive_) {
    ReleaseBlock();
  } else {
    at_barrier_.push_back(Index());
    Yield();
  }
  return counted_;
}

// All lanes of `group` have come to their exchange: hands out what they wanted.
void Runner::Finish(Warp& warp, uint32_t group, size_t first_thread, int self) {
  uint32_t ballot = 0;
  for (uint32_t left = group; left != 0; left &= left - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(left));
    if (warp.value[lane] != 0) ballot |= 1u << lane;
  }
  for (uint32_t left = group; left != 0; left &= left - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(left));
    const int thread = static_cast<int>(first_thread + lane);
    threads_[static_cast<size_t>(thread)].result =
        warp.get[lane] == Get::kLane ? warp.value[warp.source[lane]] : ballot;
    if (thread != self) MakeReady(thread);
  }
  warp.waiting &= ~group;
}

uint64_t Runner::Exchange(uint32_t mask, Get get, uint64_t value, int source) {
  const int self = Index();
  const auto lane = static_cast<unsigned>(self) % kWarpLanes;
  const size_t first = static_cast<size_t>(self) - lane;
  Warp& warp = warps_[first / kWarpLanes];
  if ((mask >> lane & 1u) == 0) Die("calls a warp function with a mask that leaves itself out");
  warp.waiting |= 1u << lane;
  warp.mask[lane] = mask;
  warp.value[lane] = value;
  warp.get[lane] = get;
  warp.source[lane] = source;
  const uint32_t group = mask & warp.exists;  // lanes beyond the block do not exist
  if ((group >> source & 1u) == 0) warp.source[lane] = static_cast<int>(lane);
  bool complete = (warp.waiting & group) == group;
  for (uint32_t left = group; complete && left != 0; left &= left - 1) {
    complete = warp.mask[std::countr_zero(left)] == mask;
  }
  if (complete) {
    Finish(warp, group, first, self);
  } else {
    Yield();
  }
  return threads_[static_cast<size_t>(self)].result;
}

void Runner::Run(dim3 grid, dim3 block, size_t shared_bytes, uint64_t seed,
                 const std::function<void()>& body) {
  body_ = &body;
  random_ = seed;
  place.grid_size = {grid.x, grid.y, grid.z};
  place.block_size = {block.x, block.y, block.z};
  count_ = static_cast<int>(block.x * block.y * block.z);
  const auto count = static_cast<size_t>(count_);
  if (threads_.size() < count) threads_.resize(count);
  warps_.resize((count + kWarpLanes - 1) / kWarpLanes);
  for (size_t i = 0; i < warps_.size(); ++i) {
    const size_t lanes = std::min<size_t>(kWarpLanes, count - i * kWarpLanes);
    warps_[i].exists = lanes == kWarpLanes ? 0xffffffffu : (1u << lanes) - 1;
    warps_[i].waiting = 0;
  }
  // Of exactly the size asked for, so that AddressSanitizer sees an overrun.
  if (shared_bytes != shared_bytes_) shared_.reset(new unsigned char[shared_bytes]);
  shared_bytes_ = shared_bytes;
  blocks_ = blocks_left_ = uint64_t{grid.x} * grid.y * grid.z;
  next_block_ = NextRandom(random_) % blocks_;
  predicates_ = 0;
  BeginBlock();
  SwitchTo(main_, NextFresh(), -1);
}

}  // namespace

void* BlockSharedMemory() { return runner->shared(); }
int Lane() { return runner->Index() % static_cast<int>(kWarpLanes); }
void SyncBlock() { runner->SyncBlock(false); }
int SyncBlockCount(bool predicate) { return runner->SyncBlock(predicate); }
uint64_t Exchange(uint32_t mask, Get get, uint64_t value, int source) {
  return runner->Exchange(mask, get, value, source);
}

void RunGrid(dim3 grid, dim3 block_size, size_t shared_bytes, uint64_t seed,
             const std::function<void()>& thread) {
  static thread_local Runner instance;
  runner = &instance;
  instance.Run(grid, block_size, shared_bytes, seed, thread);
}

}  // namespace convoy::sim
