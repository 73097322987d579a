// The threads of a CPU device, and the parallel loop that every CPU kernel is written with.
#include "core/threads.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/cores.h"
#include "core/base/error.h"

namespace convoy {
namespace {

// A helper looks this often for the next loop before it sleeps: kernels of one step follow each
// other within microseconds, and waking a sleeper costs tens of them.
constexpr int kSpins = 4000;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

struct ThreadTeam::State {
  std::atomic<uint32_t> round{0};  // a new value starts a loop
  std::atomic<int> unfinished{0};  // helpers still in the loop
  std::atomic<bool> stop{false};
  std::atomic<bool> busy{false};  // a loop is running: `parts` to `failure` belong to it
  bool spin = true;
  int parts = 0;
  Body body = nullptr;
  void* context = nullptr;
  std::mutex mutex;
  std::exception_ptr failure;
  std::vector<std::thread> helpers;

  void RunPart(int part) {
    try {
      body(context, part);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  }

  void Helper(int part) {
    uint32_t seen = 0;
    while (true) {
      for (int i = 0; spin && i < kSpins && round.load(std::memory_order_acquire) == seen; ++i) {
        Pause();
      }
      round.wait(seen, std::memory_order_acquire);
      seen = round.load(std::memory_order_acquire);
      if (stop.load(std::memory_order_relaxed)) return;
      if (part < parts) RunPart(part);
      if (unfinished.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished.notify_one();
    }
  }

  void End() {
    stop.store(true, std::memory_order_relaxed);
    round.fetch_add(1, std::memory_order_release);
    round.notify_all();
    for (std::thread& helper : helpers) helper.join();
  }
};

ThreadTeam::ThreadTeam(int size) : size_(size), state_(std::make_unique<State>()) {
  CONVOY_CHECK(size >= 1, "[ThreadTeam] wants at least one thread, got {}", size);
  state_->spin = size <= AvailableCores();
  state_->helpers.reserve(static_cast<size_t>(size));
  try {
    for (int part = 1; part < size; ++part) {
      state_->helpers.emplace_back([state = state_.get(), part] { state->Helper(part); });
    }
  } catch (const std::exception& error) {
    const size_t started = state_->helpers.size() + 1;
    state_->End();
    Fail(
        "[ThreadTeam] cannot start thread {} of {}: {}. Use fewer --threads or --workers, or raise "
        "the limit (ulimit -u, ulimit -v)",
        started + 1, size, error.what());
  }
}

ThreadTeam::~ThreadTeam() { state_->End(); }

void ThreadTeam::Run(int parts, Body body, void* context) {
  State& s = *state_;
  if (s.busy.exchange(true, std::memory_order_acquire)) {
    for (int part = 0; part < parts; ++part) body(context, part);
    return;
  }
  s.parts = parts;
  s.body = body;
  s.context = context;
  s.unfinished.store(size_ - 1, std::memory_order_relaxed);
  s.round.fetch_add(1, std::memory_order_release);
  s.round.notify_all();
  s.RunPart(0);
  for (int i = 0; s.spin && i < kSpins && s.unfinished.load(std::memory_order_acquire) > 0; ++i) {
    Pause();
  }
  for (int left = s.unfinished.load(std::memory_order_acquire); left > 0;
       left = s.unfinished.load(std::memory_order_acquire)) {
    s.unfinished.wait(left, std::memory_order_acquire);
  }
  const std::exception_ptr failure = std::exchange(s.failure, nullptr);
  s.busy.store(false, std::memory_order_release);
  if (failure) std::rethrow_exception(failure);
}

namespace {

constexpr int kMaxCpuDevices = 1024;

// The slots are leaked: workers' kernels may run until the very end of the process.
struct Teams {
  std::mutex mutex;
  int threads_per_device = 0;
  std::atomic<ThreadTeam*> slots[kMaxCpuDevices] = {};
};

Teams& AllTeams() {
  static Teams* teams = new Teams;
  return *teams;
}

}  // namespace

void SetCpuThreads(int threads_per_device) {
  CONVOY_CHECK(threads_per_device >= 0, "[SetCpuThreads] wants 0 (all cores) or more, got {}",
               threads_per_device);
  Teams& teams = AllTeams();
  const std::lock_guard lock(teams.mutex);
  teams.threads_per_device = threads_per_device;
  for (auto& slot : teams.slots) delete slot.exchange(nullptr);
}

ThreadTeam& CpuTeam(int index) {
  CONVOY_CHECK(index >= 0 && index < kMaxCpuDevices, "[Device] cpu:{} does not exist", index);
  Teams& teams = AllTeams();
  if (ThreadTeam* team = teams.slots[index].load(std::memory_order_acquire)) return *team;
  const std::lock_guard lock(teams.mutex);
  if (ThreadTeam* team = teams.slots[index].load(std::memory_order_acquire)) return *team;
  auto* team =
      new ThreadTeam(teams.threads_per_device > 0 ? teams.threads_per_device : AvailableCores());
  teams.slots[index].store(team, std::memory_order_release);
  return *team;
}

}  // namespace convoy
