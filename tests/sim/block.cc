// Runs the threads of one block as cooperative fibers on the calling system thread.
#include "tests/sim/block.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "tests/sim/fiber.h"
#include "tests/sim/kernel.h"

namespace convoy::sim {
namespace {

constexpr int kWarpLanes = 32;

enum class State : uint8_t { kReady, kAtBlock, kAtWarp, kDone };

struct Thread {
  Place place;
  State state = State::kReady;
  uint32_t mask = 0;  // of the warp exchange it waits in
  Fiber fiber;
};

struct Warp {
  uint64_t cells[kWarpLanes];
};

// What runs on this system thread. Threads keep their stacks from block to block.
struct Runner {
  std::vector<std::unique_ptr<Thread>> threads;
  std::vector<Warp> warps;
  Thread* self = nullptr;
  size_t count = 0;
  void* shared = nullptr;
  int true_predicates = 0;
  int counted = 0;
  Fiber main;
};

thread_local Runner* runner = nullptr;

int Index(const Thread& thread) {
  const Place& p = thread.place;
  return static_cast<int>(p.thread.x + p.block_size.x * (p.thread.y + p.block_size.y * p.thread.z));
}

[[noreturn]] void Die(const char* what) {
  const Place& p = runner->self->place;
  std::fprintf(stderr, "[sim] block (%u, %u, %u), thread (%u, %u, %u): %s\n", p.block.x, p.block.y,
               p.block.z, p.thread.x, p.thread.y, p.thread.z, what);
  std::abort();
}

// Gives the turn back to RunBlock until it says that this thread may go on.
void Yield(State state) {
  Thread& self = *runner->self;
  self.state = state;
  SwitchFiber(self.fiber, runner->main);
}

// Lets those go on whose barrier is complete. Returns whether there were any.
bool Release() {
  bool any = false;
  size_t alive = 0, at_block = 0;
  for (size_t i = 0; i < runner->count; ++i) {
    const State state = runner->threads[i]->state;
    alive += state != State::kDone;
    at_block += state == State::kAtBlock;
  }
  if (alive > 0 && at_block == alive) {
    for (size_t i = 0; i < runner->count; ++i) {
      Thread& thread = *runner->threads[i];
      if (thread.state == State::kAtBlock) thread.state = State::kReady;
    }
    runner->counted = runner->true_predicates;
    runner->true_predicates = 0;
    return true;
  }
  for (size_t first = 0; first < runner->count; first += kWarpLanes) {
    for (size_t lane = 0; lane < kWarpLanes && first + lane < runner->count; ++lane) {
      if (runner->threads[first + lane]->state != State::kAtWarp) continue;
      const uint32_t mask = runner->threads[first + lane]->mask;
      bool complete = true;
      for (size_t other = 0; other < kWarpLanes; ++other) {
        if ((mask >> other & 1u) == 0) continue;
        if (first + other >= runner->count) continue;  // lanes beyond the block do not exist
        const Thread& thread = *runner->threads[first + other];
        complete = complete && thread.state == State::kAtWarp && thread.mask == mask;
      }
      if (!complete) continue;
      for (size_t other = 0; other < kWarpLanes && first + other < runner->count; ++other) {
        if ((mask >> other & 1u) != 0) runner->threads[first + other]->state = State::kReady;
      }
      any = true;
    }
  }
  return any;
}

uint64_t Next(uint64_t& state) {  // splitmix64
  uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

}  // namespace

const Place& Self() { return runner->self->place; }
void* BlockSharedMemory() { return runner->shared; }
int Lane() { return Index(*runner->self) % kWarpLanes; }

void SyncBlock() { Yield(State::kAtBlock); }

int SyncBlockCount(bool predicate) {
  runner->true_predicates += predicate;
  Yield(State::kAtBlock);
  return runner->counted;
}

void SyncWarp(uint32_t mask) {
  if ((mask >> Lane() & 1u) == 0) Die("calls a warp function with a mask that leaves itself out");
  runner->self->mask = mask;
  Yield(State::kAtWarp);
}

uint64_t& WarpCell(int lane) {
  return runner->warps[static_cast<size_t>(Index(*runner->self) / kWarpLanes)]
      .cells[static_cast<size_t>(lane)];
}

void RunBlock(dim3 grid, dim3 block_size, uint3 block, size_t shared_bytes, uint64_t seed,
              const std::function<void()>& thread) {
  static thread_local Runner instance;
  runner = &instance;
  const size_t count = size_t{block_size.x} * block_size.y * block_size.z;
  while (instance.threads.size() < count) instance.threads.push_back(std::make_unique<Thread>());
  instance.count = count;
  instance.warps.resize((count + kWarpLanes - 1) / kWarpLanes);
  // Of exactly the size asked for, so that AddressSanitizer sees an overrun.
  const std::unique_ptr<unsigned char[]> shared(new unsigned char[shared_bytes + !shared_bytes]);
  std::memset(shared.get(), 0xff, shared_bytes);
  instance.shared = shared.get();
  instance.true_predicates = 0;

  for (size_t i = 0; i < count; ++i) {
    Thread& t = *instance.threads[i];
    const unsigned index = static_cast<unsigned>(i);
    t.place = {{index % block_size.x, index / block_size.x % block_size.y,
                index / (block_size.x * block_size.y)},
               block,
               block_size,
               grid};
    t.state = State::kReady;
    t.fiber.Start([&t, &thread] {
      thread();
      t.state = State::kDone;
      EndFiber(t.fiber, runner->main);
    });
  }
  while (true) {
    const size_t start = Next(seed) % count;
    const bool backwards = (Next(seed) & 1) != 0;
    bool ran = false;
    for (size_t i = 0; i < count; ++i) {
      const size_t at = (start + (backwards ? count - i : i)) % count;
      Thread& t = *instance.threads[at];
      if (t.state != State::kReady) continue;
      instance.self = &t;
      SwitchFiber(instance.main, t.fiber);
      ran = true;
    }
    if (Release()) continue;
    if (ran) continue;
    for (size_t i = 0; i < count; ++i) {
      if (instance.threads[i]->state == State::kDone) continue;
      instance.self = instance.threads[i].get();
      Die("waits at a barrier or warp exchange that the others do not reach");
    }
    break;
  }
}

void RunGrid(dim3 grid, dim3 block_size, size_t shared_bytes, uint64_t seed,
             const std::function<void()>& thread) {
  const uint64_t blocks = uint64_t{grid.x} * grid.y * grid.z;
  const uint64_t start = Next(seed) % blocks;
  for (uint64_t i = 0; i < blocks; ++i) {
    const uint64_t at = (start + i) % blocks;
    const uint3 block{static_cast<unsigned>(at % grid.x),
                      static_cast<unsigned>(at / grid.x % grid.y),
                      static_cast<unsigned>(at / grid.x / grid.y)};
    RunBlock(grid, block_size, block, shared_bytes, Next(seed), thread);
  }
}

}  // namespace convoy::sim
