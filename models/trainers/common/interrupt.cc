// Ctrl-C: a flag set by the signal handler.
#include "models/trainers/common/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace convoy {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may not take a lock");

void OnSignal(int signal) {
  if (interrupted.exchange(true)) _exit(128 + signal);
}

}  // namespace

void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool Interrupted() { return interrupted.load(std::memory_order_relaxed); }

}  // namespace convoy
