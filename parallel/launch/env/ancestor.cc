// The process that started those of a job on this machine.
#include <fmt/format.h>
#include <unistd.h>

#include "parallel/launch/env/launcher_env.h"
#include "parallel/launch/supervise/proc.h"

namespace convoy::launch {

std::string AncestorWithout(const std::string& variable) {
  const std::string entry = '\0' + variable + '=';
  for (pid_t pid = getppid(); pid > 1; pid = ReadProcStat(pid).parent) {
    const std::string env = ReadProc(pid, "environ");
    if (env.empty()) return {};  // another user's
    if (('\0' + env).find(entry) == std::string::npos) {
      return fmt::format("{}-{}", pid, ReadProcStat(pid).start);
    }
  }
  return {};
}

}  // namespace convoy::launch
