// What the kernel tells of running processes.
#include "parallel/launch/supervise/proc.h"

#include <dirent.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <thread>

#include "core/base/descriptor.h"
#include "core/base/file.h"

namespace convoy::launch {

std::string ReadProc(pid_t pid, const std::string& name) {
  return ReadKernelFile(fmt::format("/proc/{}/{}", pid, name));
}

// Fields 4 and 22 of /proc/PID/stat; the second is a name in parentheses and may hold anything.
ProcStat ReadProcStat(pid_t pid) {
  ProcStat stat;
  const std::string text = ReadProc(pid, "stat");
  const size_t close = text.rfind(')');
  if (close == text.npos) return stat;
  std::sscanf(text.c_str() + close + 1,
              " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
              &stat.parent, &stat.start);
  return stat;
}

std::vector<pid_t> Descendants() {
  std::multimap<pid_t, pid_t> children;
  DIR* folder = opendir("/proc");
  while (const dirent* entry = folder != nullptr ? readdir(folder) : nullptr) {
    const pid_t pid = std::atoi(entry->d_name);
    if (pid > 0) children.emplace(ReadProcStat(pid).parent, pid);
  }
  if (folder != nullptr) closedir(folder);
  std::vector<pid_t> found = {getpid()};
  for (size_t i = 0; i < found.size(); ++i) {
    const auto [begin, end] = children.equal_range(found[i]);
    for (auto child = begin; child != end; ++child) found.push_back(child->second);
  }
  found.erase(found.begin());
  return found;
}

namespace {

bool IsDescendant(pid_t pid) {
  const pid_t self = getpid();
  for (int depth = 0; pid > 1 && depth < 4096; ++depth) {
    pid = ReadProcStat(pid).parent;
    if (pid == self) return true;
  }
  return false;
}

// A process that was seen a moment ago may have ended, and its id may be another's by now. What is
// opened here stays the process that it was: if it is a descendant, it is the one to kill.
void KillIfDescendant(pid_t pid) {
  const Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!process) {  // it is gone; or the kernel is old, or a sandbox has no such call
    if (errno != ESRCH && IsDescendant(pid)) kill(pid, SIGKILL);
    return;
  }
  if (IsDescendant(pid)) syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
}

}  // namespace

void AdoptOrphans() { prctl(PR_SET_CHILD_SUBREAPER, 1); }

void KillDescendants() {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::seconds(5);
  // They may be starting others at this very moment.
  while (Clock::now() < deadline) {
    for (const pid_t pid : Descendants()) KillIfDescendant(pid);
    pid_t ended = 0;
    while ((ended = waitpid(-1, nullptr, WNOHANG)) > 0) {
    }
    if (ended < 0) return;  // nobody is left
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace convoy::launch
