// The threads of a CPU device, and the parallel loop that every CPU kernel is written with.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

#include "core/device.h"

namespace convoy {

/// A fixed team of threads that runs one loop at a time: the calling thread and `size() - 1`
/// helpers. A loop that starts while another one runs (from its body, or from another thread, such
/// as a loader's) has its parts run one after the other by the thread that calls.
class ThreadTeam {
 public:
  explicit ThreadTeam(int size);
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  int size() const { return size_; }

  /// Calls `body(context, part)` for part 0 .. parts-1, each once, `parts` <= size(). Returns when
  /// all are done; rethrows the first exception of a body.
  using Body = void (*)(void* context, int part);
  void Run(int parts, Body body, void* context);

 private:
  struct State;
  const int size_;
  std::unique_ptr<State> state_;
};

/// Threads of each `cpu:K` from now on; 0 means every available core. Called by Launch before any
/// worker starts; must not be called while kernels run.
void SetCpuThreads(int threads_per_device);

/// The team of `cpu:index`, made on first use.
ThreadTeam& CpuTeam(int index);

/// Splits [0, n) into at most one contiguous range per thread of `device`, each of at least
/// `grain` indices, and calls `f(begin, end)` for all of them in parallel. Ranges depend only on
/// n, grain and the number of threads.
template <typename F>
void ParallelFor(Device device, int64_t n, int64_t grain, F&& f) {
  if (n <= 0) return;
  ThreadTeam& team = CpuTeam(device.index);
  const int64_t wanted = grain > 0 ? n / grain : n;
  const int parts = static_cast<int>(wanted < 1 ? 1 : wanted < team.size() ? wanted : team.size());
  if (parts == 1) {
    f(int64_t{0}, n);
    return;
  }
  struct Context {
    std::remove_reference_t<F>* f;
    int64_t n;
    int parts;
  } context{&f, n, parts};
  team.Run(
      parts,
      [](void* opaque, int part) {
        const Context& c = *static_cast<Context*>(opaque);
        (*c.f)(c.n * part / c.parts, c.n * (part + 1) / c.parts);
      },
      &context);
}

}  // namespace convoy
