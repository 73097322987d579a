// The processes that this one has started for one purpose.
#include "parallel/launch/supervise/child_processes.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <thread>

namespace convoy::launch {

pid_t ChildProcesses::Start(const SpawnOptions& options) {
  children_.reserve(children_.size() + 1);
  children_.push_back({Spawn(options)});
  ++alive_;
  return children_.back().pid;
}

void ChildProcesses::Signal(int signal) {
  for (const Child& child : children_) {
    if (!child.ended) kill(options_.groups ? -child.pid : child.pid, signal);
  }
}

bool ChildProcesses::HasEnded(Child& child, int& status) {
  if (child.ended) return true;
  if (waitpid(child.pid, &status, WNOHANG) == 0) return false;
  child.ended = true;
  --alive_;
  return true;
}

std::vector<ChildProcesses::Ended> ChildProcesses::Reap() {
  std::vector<Ended> ended;
  if (options_.orphans) {
    int status = 0;
    for (pid_t pid = 0; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
      const auto child = std::find_if(children_.begin(), children_.end(),
                                      [&](const Child& it) { return it.pid == pid && !it.ended; });
      if (child == children_.end()) continue;
      child->ended = true;
      --alive_;
      ended.push_back({static_cast<size_t>(child - children_.begin()), status});
    }
    return ended;
  }
  for (size_t i = 0; i < children_.size(); ++i) {
    int status = 0;
    if (!children_[i].ended && HasEnded(children_[i], status)) ended.push_back({i, status});
  }
  return ended;
}

void ChildProcesses::WaitUntilEnded(std::chrono::milliseconds wait) {
  const auto end = std::chrono::steady_clock::now() + wait;
  const auto all_ended = [this] {
    int status = 0;
    return std::all_of(children_.begin(), children_.end(),
                       [&](Child& child) { return HasEnded(child, status); });
  };
  while (!all_ended() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void ChildProcesses::Kill() {
  // One that has ended keeps its id until somebody has waited for it; after that the id may be
  // another's, so who has ended is looked at first.
  int status = 0;
  for (Child& child : children_) {
    if (!HasEnded(child, status)) kill(child.pid, SIGKILL);
  }
  for (Child& child : children_) {
    if (child.ended) continue;
    while (waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    child.ended = true;
    --alive_;
  }
}

}  // namespace convoy::launch
