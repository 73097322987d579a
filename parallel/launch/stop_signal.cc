// SIGINT and SIGTERM as a request: a number that the signal handler sets.
#include "parallel/launch/stop_signal.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "core/base/exit_status.h"

namespace convoy::launch {
namespace {

std::atomic<int> stop_signal{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may not take a lock");

void OnSignal(int signal) {
  if (stop_signal.exchange(signal) != 0) _exit(SignalStatus(signal));
}

}  // namespace

void CatchStopSignals() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int StopSignal() { return stop_signal.load(std::memory_order_relaxed); }

void EndByStopSignal() {
  const int signal = StopSignal();
  if (signal == 0) return;
  std::fflush(nullptr);
  ::signal(signal, SIG_DFL);
  raise(signal);
}

}  // namespace convoy::launch
