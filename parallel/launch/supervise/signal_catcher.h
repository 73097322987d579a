// Signals that a process passes on rather than dies of.
#pragma once

#include <signal.h>

#include <utility>
#include <vector>

namespace convoy::launch {

/// While one is alive, these signals only leave a mark. One at a time.
class SignalCatcher {
 public:
  /// `restart`: system calls that a signal interrupts are taken up again.
  SignalCatcher(const std::vector<int>& signals, bool restart);
  ~SignalCatcher();
  SignalCatcher(const SignalCatcher&) = delete;
  SignalCatcher& operator=(const SignalCatcher&) = delete;

  /// One that has come since it was last taken; 0: none.
  int Take();

 private:
  std::vector<std::pair<int, struct sigaction>> before_;
};

}  // namespace convoy::launch
