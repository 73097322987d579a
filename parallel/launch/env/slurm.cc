// What Slurm's variables say beyond rank and size.
#include "parallel/launch/env/slurm.h"

#include <limits>
#include <optional>

#include "core/base/error.h"

namespace convoy::launch {
namespace {

constexpr std::string_view kUnset =
    "start the program through srun, or unset the SLURM_ variables to start it alone";

// Steps from here on are not srun's: batch script, interactive shell, what joins from outside.
constexpr int64_t kFirstSpecialStep = 0xfffffff0;

constexpr int kFirstPort = 15000;
constexpr int kPorts = 10000;

// `srun --pty bash` is a task, but one from which a person starts programs.
bool IsShell(EnvReader& env) {
  const std::string& job = env.Get("SLURM_JOB_NAME");
  return (job == "bash" || job == "sh" || job == "zsh" || job == "interactive") &&
         (env.Has("SLURM_PTY_PORT") || env.Has("SLURM_PTY_WIN_COL"));
}

}  // namespace

bool IsSlurmTask(EnvReader& env) {
  const std::string_view name = env.Has("SLURM_STEP_ID") ? "SLURM_STEP_ID" : "SLURM_STEPID";
  const std::string& text = env.Get(name);
  if (text.empty()) return false;
  const std::optional<int64_t> step = ParseNumber(text);
  CONVOY_CHECK(step, "[Launch] {}: expected the number of a job step, got '{}'; {}", name, text,
               kUnset);
  return *step < kFirstSpecialStep && !IsShell(env);
}

std::string FirstSlurmHost(std::string_view list, std::string_view variable) {
  const auto fail = [&](std::string_view expected) {
    Fail("[Launch] {}: expected {}, as in 'node[007-009,12],login1', got '{}'; {}", variable,
         expected, list, kUnset);
  };
  std::string host;
  for (size_t i = 0; i < list.size() && list[i] != ',';) {
    if (list[i] != '[') {
      if (list[i] == ']') fail("'[' before ']'");
      host += list[i++];
      continue;
    }
    const size_t close = list.find(']', i);
    if (close == list.npos) fail("']' after '['");
    const std::string_view inside = list.substr(i + 1, close - i - 1);
    const std::string_view first = inside.substr(0, inside.find_first_of(",-"));
    if (!ParseNumber(first)) fail("numbers between '[' and ']'");
    host += first;
    i = close + 1;
  }
  if (host.empty()) fail("a host's name");
  return host;
}

int SlurmTasksOnNode(std::string_view list, int node, std::string_view variable) {
  int64_t before = 0;  // nodes that the groups so far describe
  std::string_view rest = list;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    std::string_view group = rest.substr(0, comma);
    rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
    std::optional<int64_t> nodes = 1;
    const size_t open = group.find("(x");
    if (open != group.npos && group.ends_with(')')) {
      nodes = ParseNumber(group.substr(open + 2, group.size() - open - 3));
      group = group.substr(0, open);
    }
    const std::optional<int64_t> tasks = ParseNumber(group);
    constexpr int64_t kMax = std::numeric_limits<int>::max();
    CONVOY_CHECK(tasks && nodes && *tasks <= kMax && *nodes <= kMax,
                 "[Launch] {}: expected counts of tasks, as in '4(x2),3', got '{}'; {}", variable,
                 list, kUnset);
    before += *nodes;
    if (node < before) return static_cast<int>(*tasks);
  }
  Fail("[Launch] {}: expected a count for each node up to SLURM_NODEID={}, got '{}'; {}", variable,
       node, list, kUnset);
}

int SlurmPort(std::string_view job_id) {
  const std::optional<int64_t> number = ParseNumber(job_id);
  CONVOY_CHECK(number, "[Launch] SLURM_JOB_ID: expected a number, got '{}'; {}", job_id, kUnset);
  return kFirstPort + static_cast<int>(*number % kPorts);
}

}  // namespace convoy::launch
