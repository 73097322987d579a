// The process that started those of a job on this machine.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>

#include "parallel/job_env.h"

namespace convoy {
namespace {

// What the kernel shows of a process; empty if it does not.
std::string ReadProc(pid_t pid, const char* name) {
  std::ifstream file(fmt::format("/proc/{}/{}", pid, name), std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

struct Stat {
  pid_t parent = 0;
  unsigned long long start = 0;  // clock ticks since boot: two lives of one pid differ
};

// Fields 4 and 22 of /proc/PID/stat; the second is a name in parentheses and may hold anything.
Stat ReadStat(pid_t pid) {
  Stat stat;
  const std::string text = ReadProc(pid, "stat");
  const size_t close = text.rfind(')');
  if (close == text.npos) return stat;
  std::sscanf(
      text.c_str() + close + 1,
      " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %*d %llu",
      &stat.parent, &stat.start);
  return stat;
}

}  // namespace

std::string AncestorWithout(const std::string& variable) {
  const std::string entry = '\0' + variable + '=';
  for (pid_t pid = ReadStat(getpid()).parent; pid > 1; pid = ReadStat(pid).parent) {
    const std::string env = ReadProc(pid, "environ");
    if (env.empty()) return {};  // another user's
    if (('\0' + env).find(entry) == std::string::npos) {
      return fmt::format("{}-{}", pid, ReadStat(pid).start);
    }
  }
  return {};
}

}  // namespace convoy
