// Whether a launcher has started this process as one of several, which, and where they meet.
#include "parallel/launch/env/launcher_env.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "parallel/group/limits.h"
#include "parallel/launch/env/meeting_env.h"
#include "parallel/launch/env/slurm.h"
#include "parallel/net/secret.h"

namespace convoy::launch {
namespace {

// The variables of one kind of launcher. Of two names the first that is set counts.
struct Family {
  std::string_view launcher;
  std::string_view rank;
  std::array<std::string_view, 2> size;
  std::array<std::string_view, 2> local_rank;
  std::array<std::string_view, 2> local_size;
};

constexpr Family kTorch = {
    "torchrun variables", "RANK", {"WORLD_SIZE"}, {"LOCAL_RANK"}, {"LOCAL_WORLD_SIZE"}};
constexpr Family kMpi[] = {
    {"MPICH",
     "PMI_RANK",
     {"PMI_SIZE"},
     {"MPI_LOCALRANKID", "PMI_LOCAL_RANK"},
     {"MPI_LOCALNRANKS", "PMI_LOCAL_SIZE"}},
    {"Open MPI",
     "OMPI_COMM_WORLD_RANK",
     {"OMPI_COMM_WORLD_SIZE"},
     {"OMPI_COMM_WORLD_LOCAL_RANK"},
     {"OMPI_COMM_WORLD_LOCAL_SIZE"}},
    {"MVAPICH2",
     "MV2_COMM_WORLD_RANK",
     {"MV2_COMM_WORLD_SIZE"},
     {"MV2_COMM_WORLD_LOCAL_RANK"},
     {"MV2_COMM_WORLD_LOCAL_SIZE"}},
};
constexpr Family kSlurm = {
    "Slurm", "SLURM_PROCID", {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}, {"SLURM_LOCALID"}, {}};

// What such variables say: of a half-given pair, half.
struct Said {
  const Family* family;
  std::string_view size_variable;
  std::optional<int> rank, size;

  bool complete() const { return rank && size; }
  bool Agrees(const Said& other) const {
    return (!rank || rank == other.rank) && (!size || size == other.size);
  }
  std::string Text() const {
    std::string text;
    if (rank) text = fmt::format("{}={}", family->rank, *rank);
    if (size) text += fmt::format("{}{}={}", rank ? " " : "", size_variable, *size);
    return text;
  }
  std::string Names() const { return fmt::format("{} and {}", family->rank, size_variable); }
};

std::string_view FirstSet(EnvReader& env, const std::array<std::string_view, 2>& names) {
  return names[1].empty() || env.Has(names[0]) || !env.Has(names[1]) ? names[0] : names[1];
}

std::string Unset(const Family& family, std::string_view size) {
  return fmt::format(
      "start the program with one launcher (mpirun, srun, torchrun, tools/launch), or unset {} and "
      "{} to start it alone",
      family.rank, size);
}

Said Read(const Family& family, EnvReader& env) {
  Said said{.family = &family, .size_variable = FirstSet(env, family.size)};
  const std::string way_out = Unset(family, said.size_variable);
  said.size = env.GetNumber(said.size_variable, 1, kMaxWorkers, way_out);
  said.rank = env.GetNumber(family.rank, 0, kMaxWorkers - 1, way_out);
  CONVOY_CHECK(!said.complete() || *said.rank < *said.size,
               "[Launch] {}: expected a whole number from 0 to {}, as {}={}, got '{}'; {}",
               family.rank, *said.size - 1, said.size_variable, *said.size, *said.rank, way_out);
  return said;
}

[[noreturn]] void Contradict(const Said& outer, const Said& inner, EnvReader& env) {
  Fail(
      "[Launch] expected the variables of one launcher, got two that contradict each other: {} "
      "({}) and {} ({}); unset {} in front of the program if {} has started it, or {} if {} has; "
      "read: {}",
      outer.Text(), outer.family->launcher, inner.Text(), inner.family->launcher, outer.Names(),
      inner.family->launcher, inner.Names(), outer.family->launcher, env.seen());
}

// Whether RANK was written by hand or by a job's template, not by a launcher that says so.
bool ByHand(EnvReader& env) {
  return !env.Has("TORCHELASTIC_RUN_ID") && !env.Has("CONVOY_LAUNCHER");
}

// Slurm's task may itself be a launcher (`srun torchrun`, `srun mpirun`, or mpirun's own daemons),
// so other variables may say otherwise, unless they were set by hand and fit no such start.
void CheckAgainstSlurm(const Said& torch, const Said& slurm, EnvReader& env) {
  if (torch.Agrees(slurm) || !ByHand(env)) return;
  const bool one_each = torch.size == slurm.size;
  if (one_each || !env.Has("LOCAL_RANK")) Contradict(torch, slurm, env);
}

// The launcher to believe; none if there is no pair at all.
std::optional<Said> Choose(EnvReader& env) {
  const Said torch = Read(kTorch, env);
  std::optional<Said> slurm;
  if (IsSlurmTask(env)) slurm = Read(kSlurm, env);
  if (slurm && !slurm->complete()) slurm.reset();
  std::vector<Said> given;  // the one to believe first
  if (torch.rank || torch.size) given.push_back(torch);
  for (const Family& family : kMpi) {
    const Said said = Read(family, env);
    // Slurm speaks PMI too: that is no launcher of its own.
    const bool is_slurm = slurm && &family == &kMpi[0] && said.Agrees(*slurm);
    if ((said.rank || said.size) && !is_slurm) given.push_back(said);
  }
  std::optional<Said> chosen;
  for (const Said& said : given) {
    if (!chosen && said.complete()) chosen = said;
  }
  for (const Said& said : given) {
    if (chosen && !said.Agrees(*chosen)) Contradict(said, *chosen, env);
  }
  if (slurm && (torch.rank || torch.size)) CheckAgainstSlurm(torch, *slurm, env);
  if (!chosen && slurm) {
    for (const Said& said : given) {
      if (!said.Agrees(*slurm)) Contradict(said, *slurm, env);
    }
    return slurm;
  }
  if (!chosen && !given.empty()) {
    const Said& half = given.front();
    Fail("[Launch] expected both {} or neither, got only {}; {}", half.Names(), half.Text(),
         Unset(*half.family, half.size_variable));
  }
  return chosen;
}

// In some Kubernetes templates RANK and WORLD_SIZE count pods, each of which is to start workers.
void CheckCountsProcesses(EnvReader& env) {
  if (env.Has("LOCAL_RANK") || !ByHand(env)) return;
  for (const std::string_view name : {"NPROC_PER_NODE", "PET_NPROC_PER_NODE"}) {
    const std::string& per_node = env.Get(name);
    CONVOY_CHECK(per_node.empty() || per_node == "1",
                 "[Launch] LOCAL_RANK: expected it beside RANK={} and WORLD_SIZE={}, got none, and "
                 "{}={} says that these count machines (pods), not processes; start the workers of "
                 "this machine with torchrun --no-python PROGRAM, or export LOCAL_RANK=0 "
                 "LOCAL_WORLD_SIZE=1 to run one worker on each",
                 env.Get("RANK"), env.Get("WORLD_SIZE"), name, per_node);
  }
}

std::optional<int> SlurmLocalSize(int size, EnvReader& env) {
  if (env.Get("SLURM_STEP_NUM_NODES") == "1") return size;
  const std::string_view name =
      env.Has("SLURM_STEP_TASKS_PER_NODE") ? "SLURM_STEP_TASKS_PER_NODE" : "SLURM_TASKS_PER_NODE";
  const std::optional<int> node =
      env.GetNumber("SLURM_NODEID", 0, kMaxWorkers - 1, Unset(kSlurm, kSlurm.size[0]));
  const std::string& tasks = env.Get(name);
  if (!node || tasks.empty()) return {};
  const int here = SlurmTasksOnNode(tasks, *node, name);
  CONVOY_CHECK(
      here >= 1 && here <= size,
      "[Launch] {}: expected 1 to {} tasks on this node, as many as the job has, got {} in "
      "'{}'; {}",
      name, size, here, tasks, Unset(kSlurm, kSlurm.size[0]));
  return here;
}

void ReadLocal(const Family& family, LauncherEnv& job, EnvReader& env) {
  const std::string_view rank = FirstSet(env, family.local_rank);
  const std::string_view size = FirstSet(env, family.local_size);
  constexpr std::string_view way_out =
      "unset it, or start the program with one launcher (mpirun, srun, torchrun, tools/launch)";
  job.local_size = &family == &kSlurm ? SlurmLocalSize(job.size, env)
                                      : env.GetNumber(size, 1, job.size, way_out);
  job.local_rank = env.GetNumber(rank, 0, job.local_size.value_or(job.size) - 1, way_out);
}

// What the processes of this job have in common and those of another one have not.
std::string JobName(const LauncherEnv& job, EnvReader& env, const FindStarter& find_starter) {
  const auto first_of = [&](std::string_view prefix,
                            std::initializer_list<std::string_view> names) {
    std::string text;
    for (const std::string_view name : names) {
      if (env.Has(name)) text += fmt::format("{}{}", text.empty() ? "" : "-", env.Get(name));
    }
    return text.empty() ? text : fmt::format("{}-{}", prefix, text);
  };
  std::string name;
  if (job.launcher == "torchrun variables") {
    return first_of("torchrun", {"MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RUN_ID",
                                 "TORCHELASTIC_RESTART_COUNT"});
  }
  if (job.launcher == "Slurm") name = first_of("slurm", {"SLURM_JOB_ID", "SLURM_STEP_ID"});
  if (job.launcher == "Open MPI") name = first_of("openmpi", {"PMIX_NAMESPACE"});
  if (job.launcher == "MPICH") name = first_of("mpich", {"PMI_JOBID", "PALS_APID"});
  if (!name.empty() || !find_starter) return name;
  const std::string starter = find_starter(job.rank_variable);
  return starter.empty() ? starter : "started-by-" + starter;
}

// The same for all processes of a job on all hosts, and not for those of others. (The world's size
// is compared by itself, with a message of its own. Torch's agents count their restarts one by one:
// those of several hosts may differ.)
std::string JobIdentity(const LauncherEnv& job, EnvReader& env) {
  std::string text;
  const auto add = [&](std::string_view name) {
    if (env.Has(name)) text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, env.Get(name));
  };
  if (job.rank_variable == kTorch.rank) {
    add("TORCHELASTIC_RUN_ID");
    if (job.local_size == job.size) add("TORCHELASTIC_RESTART_COUNT");
  } else if (job.launcher == "Slurm") {
    add(env.Has("SLURM_HET_JOB_ID") ? "SLURM_HET_JOB_ID" : "SLURM_JOB_ID");
    add("SLURM_STEP_ID");
  } else if (job.launcher == "Open MPI") {
    add("PMIX_NAMESPACE");
  }
  if (text.size() <= net::kMaxJobBytes) return text;
  const std::string hash =
      fmt::format("{:02x}", fmt::join(net::HmacSha256("a job's name", text), ""));
  return text.substr(0, net::kMaxJobBytes - 33) + " " + hash.substr(0, 32);
}

constexpr const char* kSecretVariable = "CONVOY_SECRET";

// The variable's value, which from now on is in neither this process's variables nor what /proc
// shows of them. As with all changes of variables: not while another thread reads some.
std::string TakeVariable(const char* name) {
  char* value = std::getenv(name);
  if (value == nullptr) return {};
  std::string text = value;
  std::memset(value, 0, text.size());
  unsetenv(name);
  return text;
}

}  // namespace

std::optional<LauncherEnv> ReadLauncherEnv(const EnvMap& variables,
                                           const FindStarter& find_starter) {
  EnvReader env(variables);
  const std::optional<Said> said = Choose(env);
  if (!said || *said->size == 1) return {};
  const Family& family = *said->family;
  if (&family == &kTorch) CheckCountsProcesses(env);
  LauncherEnv job{.rank = *said->rank,
                  .size = *said->size,
                  .launcher = std::string(family.launcher),
                  .rank_variable = std::string(family.rank),
                  .size_variable = std::string(said->size_variable)};
  if (&family == &kTorch && env.Get("CONVOY_LAUNCHER") == "tools/launch") {
    job.launcher = "tools/launch";
  }
  ReadLocal(family, job, env);
  job.place = ReadMeetingPlace({.size = job.size,
                                .local_size = job.local_size,
                                .name = [&] { return JobName(job, env, find_starter); },
                                .slurm = &family == &kSlurm},
                               env);
  job.host = ReadHost(env);
  if (job.place.kind == rendezvous::MeetingPlace::Kind::kFile) job.place.host = job.host;
  job.place.job = JobIdentity(job, env);
  job.variables = env.seen();
  return job;
}

std::optional<LauncherEnv> ReadLauncherEnv() {
  EnvMap env = CurrentEnvironment();
  static std::mutex mutex;
  static std::string secret;
  const std::lock_guard lock(mutex);
  if (!secret.empty()) env.emplace(kSecretVariable, secret);
  std::optional<LauncherEnv> job = ReadLauncherEnv(env, AncestorWithout);
  if (std::string given = TakeVariable(kSecretVariable); !given.empty()) secret = std::move(given);
  return job;
}

}  // namespace convoy::launch
