// Signals that a process passes on rather than dies of.
#include "parallel/launch/supervise/signal_catcher.h"

#include <atomic>
#include <bit>
#include <cstdint>

namespace convoy::launch {
namespace {

// A bit for each signal that has come. A mask would not do: any thread may get it.
std::atomic<uint64_t> pending{0};
static_assert(std::atomic<uint64_t>::is_always_lock_free, "a signal handler may not take a lock");

}  // namespace

SignalCatcher::SignalCatcher(const std::vector<int>& signals, bool restart) {
  pending = 0;
  struct sigaction action = {};
  action.sa_handler = [](int signal) { pending |= uint64_t{1} << signal; };
  action.sa_flags = restart ? SA_RESTART : 0;
  sigemptyset(&action.sa_mask);
  for (const int signal : signals) {
    struct sigaction before = {};
    sigaction(signal, &action, &before);
    before_.emplace_back(signal, before);
  }
}

SignalCatcher::~SignalCatcher() {
  for (const auto& [signal, before] : before_) sigaction(signal, &before, nullptr);
}

int SignalCatcher::Take() {
  const uint64_t seen = pending;
  if (seen == 0) return 0;
  const int signal = std::countr_zero(seen);
  pending &= ~(uint64_t{1} << signal);
  return signal;
}

}  // namespace convoy::launch
