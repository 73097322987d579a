// What launchers' variables say of a process: tables of environments, right and wrong.
#include "parallel/launch/env/launcher_env.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace convoy {
namespace {

// As AncestorWithout does, but with a name that is known.
std::string Starter(const std::string& rank_variable) { return "without-" + rank_variable; }

std::string Show(std::optional<int> value) { return value ? std::to_string(*value) : "?"; }

// "2 of 4, 0 of 2 here, Open MPI, local:NAME", "alone" or the error.
std::string Summary(const EnvMap& env) {
  try {
    const std::optional<launch::LauncherEnv> job = launch::ReadLauncherEnv(env, Starter);
    if (!job) return "alone";
    std::string place;
    switch (job->place.kind) {
      case rendezvous::MeetingPlace::Kind::kAddress:
        place = fmt::format("tcp://{}:{}", job->place.host, job->place.port);
        break;
      case rendezvous::MeetingPlace::Kind::kLocal:
        place = "local:" + job->place.name;
        break;
      case rendezvous::MeetingPlace::Kind::kFile:
        place = "file:" + job->place.name;
        break;
    }
    return fmt::format("{} of {}, {} of {} here, {}, {}", job->rank, job->size,
                       Show(job->local_rank), Show(job->local_size), job->launcher, place);
  } catch (const Error& error) {
    return error.what();
  }
}

struct Case {
  EnvMap env;
  std::string want;  // the summary; of an error a part that decides
};

void CheckAll(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    std::string env;
    for (const auto& [name, value] : c.env) env += fmt::format("{}={} ", name, value);
    INFO(env);
    const std::string summary = Summary(c.env);
    if (summary.starts_with("[Launch] ")) {
      CHECK_THAT(summary, Catch::Contains(c.want));
      CHECK_THAT(summary, Catch::Contains("expected ") && Catch::Contains("got ") &&
                              Catch::Contains("; "));  // ... and a way out
    } else {
      CHECK(summary == c.want);
    }
  }
}

const std::string kSecret = "0123456789abcdef";

EnvMap operator+(EnvMap left, const EnvMap& right) {
  for (const auto& [name, value] : right) left[name] = value;
  return left;
}

TEST_CASE("Nobody is started as one of several without a launcher, or as the only one") {
  CheckAll({
      {{}, "alone"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "1"}}, "alone"},
      {{{"RANK", ""}, {"WORLD_SIZE", ""}}, "alone"},
      {{{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}}, "alone"},
      {{{"LOCAL_RANK", "3"}, {"MASTER_ADDR", "x y"}, {"CONVOY_SECRET", "short"}}, "alone"},
  });
}

const EnvMap kTorchrun = {{"RANK", "2"},
                          {"WORLD_SIZE", "4"},
                          {"LOCAL_RANK", "2"},
                          {"LOCAL_WORLD_SIZE", "4"},
                          {"MASTER_ADDR", "box"},
                          {"MASTER_PORT", "29511"},
                          {"GROUP_RANK", "0"},
                          {"ROLE_RANK", "2"},
                          {"TORCHELASTIC_RUN_ID", "none"},
                          {"TORCHELASTIC_RESTART_COUNT", "1"}};
const EnvMap kTwoHosts = {{"LOCAL_WORLD_SIZE", "2"}, {"LOCAL_RANK", "0"}};
const EnvMap kAgentStore = {{"TORCHELASTIC_USE_AGENT_STORE", "True"}};
const EnvMap kWithSecret = {{"CONVOY_SECRET", kSecret}};

TEST_CASE("torchrun") {
  CheckAll({
      {kTorchrun, "2 of 4, 2 of 4 here, torchrun variables, local:torchrun-box-29511-none-1"},
      {kTorchrun + kWithSecret, "2 of 4, 2 of 4 here, torchrun variables, tcp://box:29511"},
      {kTorchrun + kTwoHosts + kWithSecret,
       "2 of 4, 0 of 2 here, torchrun variables, tcp://box:29511"},
      {kTorchrun + kTwoHosts + kWithSecret + kAgentStore,
       "2 of 4, 0 of 2 here, torchrun variables, tcp://box:29512"},
      {kTorchrun + kTwoHosts + kWithSecret + kAgentStore + EnvMap{{"MASTER_PORT", "65535"}},
       "2 of 4, 0 of 2 here, torchrun variables, tcp://box:65534"},
      {kTorchrun + kTwoHosts,
       "expected CONVOY_SECRET, with which the 4 processes of this job prove that they belong to "
       "it when they meet at box:29511, got none; draw one with `export CONVOY_SECRET=$(openssl "
       "rand -hex 32)` before mpirun -x CONVOY_SECRET, srun or torchrun (the same on all hosts), "
       "or name a file that all hosts see: CONVOY_RENDEZVOUS=file:PATH"},
      {{{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "127.0.0.1"}},
       "1 of 2, ? of ? here, torchrun variables, local:torchrun-127.0.0.1"},
      {kTorchrun + EnvMap{{"CONVOY_LAUNCHER", "tools/launch"}, {"CONVOY_RENDEZVOUS", "local:j1"}},
       "2 of 4, 2 of 4 here, tools/launch, local:j1"},
  });
}

TEST_CASE("Variables that are no such numbers") {
  const auto torch = [](const EnvMap& change) { return kTorchrun + change; };
  CheckAll({
      {torch({{"RANK", "x"}}),
       "[Launch] RANK: expected a whole number from 0 to 1023, got 'x'; start the program with "
       "one launcher (mpirun, srun, torchrun, tools/launch), or unset RANK and WORLD_SIZE to start "
       "it alone"},
      {torch({{"RANK", "-1"}}), "RANK: expected a whole number from 0 to 1023, got '-1'"},
      {torch({{"RANK", "+1"}}), "RANK: expected a whole number from 0 to 1023, got '+1'"},
      {torch({{"RANK", " 1"}}), "RANK: expected a whole number from 0 to 1023, got ' 1'"},
      {torch({{"RANK", "1.0"}}), "RANK: expected a whole number from 0 to 1023, got '1.0'"},
      {torch({{"RANK", "0x1"}}), "RANK: expected a whole number from 0 to 1023, got '0x1'"},
      {torch({{"RANK", "99999999999999999999999"}}), "got '99999999999999999999999'"},
      {torch({{"RANK", "4"}}),
       "[Launch] RANK: expected a whole number from 0 to 3, as WORLD_SIZE=4, got '4'; start the"},
      {torch({{"RANK", "1"}, {"WORLD_SIZE", "1"}}), "from 0 to 0, as WORLD_SIZE=1, got '1'"},
      {torch({{"WORLD_SIZE", "0"}}),
       "WORLD_SIZE: expected a whole number from 1 to 1024, got '0'; start the program"},
      {torch({{"WORLD_SIZE", "-4"}}), "WORLD_SIZE: expected a whole number from 1 to 1024"},
      {torch({{"WORLD_SIZE", "4 "}}), "WORLD_SIZE: expected a whole number from 1 to 1024"},
      {torch({{"WORLD_SIZE", "100000"}}), "from 1 to 1024, got '100000'"},
      {torch({{"WORLD_SIZE", "2147483648"}}), "from 1 to 1024, got '2147483648'"},
      {torch({{"LOCAL_RANK", "4"}}),
       "[Launch] LOCAL_RANK: expected a whole number from 0 to 3, got '4'; unset it, or"},
      {torch({{"LOCAL_RANK", "two"}}), "LOCAL_RANK: expected a whole number from 0 to 3"},
      {torch({{"LOCAL_RANK", "2"}, {"LOCAL_WORLD_SIZE", "2"}}),
       "LOCAL_RANK: expected a whole number from 0 to 1, got '2'"},
      {torch({{"LOCAL_WORLD_SIZE", "5"}}),
       "LOCAL_WORLD_SIZE: expected a whole number from 1 to 4, got '5'; unset it"},
      {torch({{"LOCAL_WORLD_SIZE", "0"}}), "LOCAL_WORLD_SIZE: expected a whole number from 1 to 4"},
      {{{"PMI_RANK", "a"}, {"PMI_SIZE", "2"}}, "[Launch] PMI_RANK: expected a whole number from 0"},
      {{{"PMI_RANK", "2"}, {"PMI_SIZE", "2"}}, "from 0 to 1, as PMI_SIZE=2, got '2'"},
      {{{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALRANKID", "2"}},
       "MPI_LOCALRANKID: expected a whole number from 0 to 1, got '2'"},
      {{{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALNRANKS", "3"}},
       "MPI_LOCALNRANKS: expected a whole number from 1 to 2, got '3'"},
      {{{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "two"}},
       "OMPI_COMM_WORLD_SIZE: expected a whole number from 1 to 1024, got 'two'"},
      {{{"MV2_COMM_WORLD_RANK", "7"}, {"MV2_COMM_WORLD_SIZE", "4"}},
       "MV2_COMM_WORLD_RANK: expected a whole number from 0 to 3, as MV2_COMM_WORLD_SIZE=4"},
  });
}

TEST_CASE("Half of a pair") {
  CheckAll({
      {{{"RANK", "1"}},
       "[Launch] expected both RANK and WORLD_SIZE or neither, got only RANK=1; start the program "
       "with one launcher (mpirun, srun, torchrun, tools/launch), or unset RANK and WORLD_SIZE to "
       "start it alone"},
      {{{"WORLD_SIZE", "4"}}, "both RANK and WORLD_SIZE or neither, got only WORLD_SIZE=4; start"},
      {{{"PMI_RANK", "1"}}, "expected both PMI_RANK and PMI_SIZE or neither, got only PMI_RANK=1"},
      {{{"OMPI_COMM_WORLD_SIZE", "2"}}, "got only OMPI_COMM_WORLD_SIZE=2; start the program"},
      {{{"MV2_COMM_WORLD_RANK", "0"}}, "got only MV2_COMM_WORLD_RANK=0; start the program"},
      {{{"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "3"}}, "alone"},
  });
}

const EnvMap kOpenMpi = {{"OMPI_COMM_WORLD_RANK", "3"},       {"OMPI_COMM_WORLD_SIZE", "4"},
                         {"OMPI_COMM_WORLD_LOCAL_RANK", "3"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
                         {"PMIX_NAMESPACE", "3512205313"},    {"PMIX_RANK", "3"}};
const EnvMap kMpich = {
    {"PMI_RANK", "1"}, {"PMI_SIZE", "2"}, {"MPI_LOCALRANKID", "1"}, {"MPI_LOCALNRANKS", "2"}};

TEST_CASE("MPI") {
  CheckAll({
      {kOpenMpi, "3 of 4, 3 of 4 here, Open MPI, local:openmpi-3512205313"},
      {kOpenMpi + EnvMap{{"PMIX_NAMESPACE", ""}},
       "3 of 4, 3 of 4 here, Open MPI, local:started-by-without-OMPI_COMM_WORLD_RANK"},
      {kOpenMpi + EnvMap{{"PMIX_NAMESPACE", "prterun-box-12@1"}},
       "3 of 4, 3 of 4 here, Open MPI, local:openmpi-prterun-box-12_1"},
      {kOpenMpi + EnvMap{{"OMPI_COMM_WORLD_LOCAL_RANK", "1"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}},
       "[Launch] expected MASTER_ADDR (rank 0's machine), where the 4 processes of this job meet, "
       "got none; export MASTER_ADDR, MASTER_PORT and CONVOY_SECRET=$(openssl rand -hex 32) to all "
       "of them (mpirun -x NAME), or name a file that all hosts see: CONVOY_RENDEZVOUS=file:PATH; "
       "if all are on one machine: CONVOY_RENDEZVOUS=local:NAME; read: OMPI_COMM_WORLD_SIZE=4 "
       "OMPI_COMM_WORLD_RANK=3"},
      {kOpenMpi + kWithSecret +
           EnvMap{{"MASTER_ADDR", "fe80::1"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", ""}},
       "3 of 4, 3 of ? here, Open MPI, tcp://fe80::1:29500"},
      {kMpich, "1 of 2, 1 of 2 here, MPICH, local:started-by-without-PMI_RANK"},
      {{{"PMI_RANK", "1"},
        {"PMI_SIZE", "2"},
        {"PMI_LOCAL_RANK", "1"},
        {"PMI_LOCAL_SIZE", "2"},
        {"PALS_APID", "ab-12"}},
       "1 of 2, 1 of 2 here, MPICH, local:mpich-ab-12"},
      {kMpich + EnvMap{{"MV2_COMM_WORLD_RANK", "1"}, {"MV2_COMM_WORLD_SIZE", "2"}},
       "1 of 2, 1 of 2 here, MPICH, local:started-by-without-PMI_RANK"},
      {{{"MV2_COMM_WORLD_RANK", "1"},
        {"MV2_COMM_WORLD_SIZE", "2"},
        {"MV2_COMM_WORLD_LOCAL_RANK", "1"},
        {"MV2_COMM_WORLD_LOCAL_SIZE", "2"}},
       "1 of 2, 1 of 2 here, MVAPICH2, local:started-by-without-MV2_COMM_WORLD_RANK"},
  });
  CHECK_THROWS_WITH(launch::ReadLauncherEnv(kMpich, {}),
                    "[Launch] expected something that the 2 processes of this job have in common, "
                    "got none of MASTER_ADDR, MASTER_PORT and CONVOY_RENDEZVOUS; give them all one "
                    "CONVOY_RENDEZVOUS=local:NAME, or start them with tools/launch");
}

const EnvMap kSrun = {{"SLURM_PROCID", "5"},
                      {"SLURM_NTASKS", "8"},
                      {"SLURM_LOCALID", "1"},
                      {"SLURM_NODEID", "1"},
                      {"SLURM_STEP_ID", "0"},
                      {"SLURM_JOB_ID", "1234567"},
                      {"SLURM_JOB_NAME", "gpt"},
                      {"SLURM_STEP_TASKS_PER_NODE", "4(x2)"},
                      {"SLURM_STEP_NODELIST", "node[007-008]"}};
const EnvMap kOneNode = {
    {"SLURM_NODEID", "0"}, {"SLURM_STEP_TASKS_PER_NODE", "8"}, {"SLURM_STEP_NODELIST", "node007"}};

TEST_CASE("Slurm") {
  CheckAll({
      {kSrun + kWithSecret, "5 of 8, 1 of 4 here, Slurm, tcp://node007:19567"},
      {kSrun + kOneNode, "5 of 8, 1 of 8 here, Slurm, local:slurm-1234567-0"},
      {kSrun + kOneNode + EnvMap{{"SLURM_STEP_TASKS_PER_NODE", ""}, {"SLURM_STEP_NUM_NODES", "1"}},
       "5 of 8, 1 of 8 here, Slurm, local:slurm-1234567-0"},
      // A step may have fewer tasks on a node than the job that it runs in.
      {kSrun + kWithSecret + EnvMap{{"SLURM_TASKS_PER_NODE", "6(x2)"}},
       "5 of 8, 1 of 4 here, Slurm, tcp://node007:19567"},
      {kSrun + kOneNode + EnvMap{{"SLURM_STEP_NUM_TASKS", "6"}, {"SLURM_STEP_NUM_NODES", "1"}},
       "5 of 6, 1 of 6 here, Slurm, local:slurm-1234567-0"},
      {kSrun, "when they meet at node007:19567, got none; draw one with `export CONVOY_SECRET="},
      {kSrun + kWithSecret + EnvMap{{"SLURM_STEP_NODELIST", ""}, {"SLURM_JOB_NODELIST", "a1,b2"}},
       "5 of 8, 1 of 4 here, Slurm, tcp://a1:19567"},
      {kSrun + kWithSecret + EnvMap{{"SLURM_STEP_NODELIST", ""}}, "expected MASTER_ADDR (rank 0's"},
      {kSrun + kWithSecret + EnvMap{{"SLURM_JOB_ID", "12a"}},
       "[Launch] SLURM_JOB_ID: expected a number, got '12a'; start the program through srun, or"},
      {kSrun + kWithSecret + EnvMap{{"SLURM_STEP_NODELIST", "node[007"}},
       "[Launch] SLURM_STEP_NODELIST: expected ']' after '[', as in 'node[007-009,12],login1', got "
       "'node[007'; start the program through srun, or unset the SLURM_ variables"},
      {kSrun + EnvMap{{"SLURM_PROCID", "8"}}, "from 0 to 7, as SLURM_NTASKS=8, got '8'"},
      {kSrun + EnvMap{{"SLURM_NTASKS", "many"}}, "SLURM_NTASKS: expected a whole number from 1"},
      {kSrun + EnvMap{{"SLURM_LOCALID", "4"}},
       "SLURM_LOCALID: expected a whole number from 0 to 3, got '4'"},
      {kSrun + EnvMap{{"SLURM_NODEID", "2"}},
       "SLURM_STEP_TASKS_PER_NODE: expected a count for each node up to SLURM_NODEID=2, got "
       "'4(x2)'"},
      {kSrun + EnvMap{{"SLURM_NODEID", "-"}}, "SLURM_NODEID: expected a whole number from 0 to"},
      {kSrun + EnvMap{{"SLURM_STEP_TASKS_PER_NODE", "4(y2)"}},
       "SLURM_STEP_TASKS_PER_NODE: expected counts of tasks, as in '4(x2),3', got '4(y2)'"},
      {kSrun + EnvMap{{"SLURM_STEP_TASKS_PER_NODE", "9(x2)"}},
       "[Launch] SLURM_STEP_TASKS_PER_NODE: expected 1 to 8 tasks on this node, as many as the job "
       "has, got 9 in '9(x2)'; start the program"},
      {kSrun + EnvMap{{"SLURM_STEP_TASKS_PER_NODE", "0(x2)"}}, "got 0 in '0(x2)'; start"},
      {kSrun + EnvMap{{"SLURM_STEP_ID", "first"}},
       "[Launch] SLURM_STEP_ID: expected the number of a job step, got 'first'; start the program"},
  });
}

TEST_CASE("A job's own name is the same for all its processes, and another one's is another") {
  const auto name = [](const EnvMap& env) {
    return launch::ReadLauncherEnv(env, Starter)->place.job;
  };
  CHECK(name(kSrun + kWithSecret) == "SLURM_JOB_ID=1234567 SLURM_STEP_ID=0");
  CHECK(name(kSrun + kWithSecret + EnvMap{{"SLURM_HET_JOB_ID", "7"}}) ==
        "SLURM_HET_JOB_ID=7 SLURM_STEP_ID=0");
  const EnvMap torch = kWithSecret + EnvMap{{"RANK", "1"},
                                            {"WORLD_SIZE", "4"},
                                            {"LOCAL_WORLD_SIZE", "2"},
                                            {"MASTER_ADDR", "node1"},
                                            {"MASTER_PORT", "29500"},
                                            {"TORCHELASTIC_RESTART_COUNT", "2"}};
  CHECK(name(torch).empty());
  CHECK(name(torch + EnvMap{{"TORCHELASTIC_RUN_ID", "7b"}}) == "TORCHELASTIC_RUN_ID=7b");
  // The counts of several hosts' agents may differ.
  CHECK(name(torch + EnvMap{{"TORCHELASTIC_RUN_ID", "7b"}, {"LOCAL_WORLD_SIZE", "4"}}) ==
        "TORCHELASTIC_RUN_ID=7b TORCHELASTIC_RESTART_COUNT=2");
  const std::string first = name(torch + EnvMap{{"TORCHELASTIC_RUN_ID", std::string(500, 'r')}});
  const std::string second =
      name(torch + EnvMap{{"TORCHELASTIC_RUN_ID", std::string(500, 'r') + "2"}});
  CHECK(first.size() == 128);
  CHECK(second.size() == 128);
  CHECK(first != second);
}

TEST_CASE("CONVOY_HOST is the address at which the other hosts reach this one") {
  const auto host = [](const std::string& text) {
    return launch::ReadLauncherEnv(kSrun + kWithSecret + EnvMap{{"CONVOY_HOST", text}}, Starter)
        ->host;
  };
  CHECK(host("").empty());
  CHECK(host("10.0.0.7") == "10.0.0.7");
  CHECK(host("[fd77::1]") == "fd77::1");
  CHECK(host("node1.cluster") == "node1.cluster");
  CheckAll({{kSrun + kWithSecret + EnvMap{{"CONVOY_HOST", "a b"}},
             "[Launch] CONVOY_HOST: expected the name or address at which the other hosts reach"}});
}

TEST_CASE("The secret leaves the environment once it is read, and is not forgotten") {
  const std::string secret = "a-secret-of-sixteen-characters-or-more";
  const EnvMap variables = {{"RANK", "1"},
                            {"WORLD_SIZE", "2"},
                            {"MASTER_ADDR", "127.0.0.1"},
                            {"MASTER_PORT", "29500"},
                            {"CONVOY_SECRET", secret}};
  for (const auto& [name, value] : variables) setenv(name.c_str(), value.c_str(), 1);
  const char* const place = std::getenv("CONVOY_SECRET");
  for (int i = 0; i < 2; ++i) {
    const std::optional<launch::LauncherEnv> job = launch::ReadLauncherEnv();
    REQUIRE(job);
    CHECK(job->place.secret == secret);
    CHECK(std::getenv("CONVOY_SECRET") == nullptr);
    CHECK(std::string(place).empty());
  }
  for (const auto& [name, value] : variables) unsetenv(name.c_str());
}

TEST_CASE("Slurm's variables outside of a task say nothing of this process") {
  const EnvMap batch_script = kSrun + EnvMap{{"SLURM_STEP_ID", ""}, {"SLURM_PROCID", "0"}};
  CheckAll({
      {batch_script, "alone"},
      {batch_script + EnvMap{{"SLURM_STEP_ID", "4294967291"}}, "alone"},  // newer ones say so
      {batch_script + EnvMap{{"SLURM_JOB_NAME", "interactive"}}, "alone"},
      {kSrun + EnvMap{{"SLURM_JOB_NAME", "bash"}, {"SLURM_PTY_PORT", "4711"}}, "alone"},
      // srun from inside such a shell, and `srun bash script`, are tasks all the same.
      {kSrun + kOneNode + EnvMap{{"SLURM_JOB_NAME", "interactive"}},
       "5 of 8, 1 of 8 here, Slurm, local:slurm-1234567-0"},
      {kSrun + kOneNode + EnvMap{{"SLURM_JOB_NAME", "bash"}},
       "5 of 8, 1 of 8 here, Slurm, local:slurm-1234567-0"},
  });
}

TEST_CASE("A launcher started by another one counts; contradictions are errors") {
  const EnvMap by_hand = {{"RANK", "0"}, {"WORLD_SIZE", "8"}, {"MASTER_ADDR", "localhost"}};
  CheckAll({
      // srun torchrun: Slurm has started torchrun's agents.
      {kTorchrun + kSrun + EnvMap{{"SLURM_NTASKS", "2"}, {"SLURM_PROCID", "1"}},
       "2 of 4, 2 of 4 here, torchrun variables, local:torchrun-box-29511-none-1"},
      {kTorchrun + EnvMap{{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}, {"SLURM_STEP_ID", "0"}},
       "2 of 4, 2 of 4 here, torchrun variables, local:torchrun-box-29511-none-1"},
      // mpirun in an allocation: its daemons on the other nodes are Slurm's tasks.
      {kOpenMpi + kSrun, "3 of 4, 3 of 4 here, Open MPI, local:openmpi-3512205313"},
      // srun --mpi=pmi2
      {kSrun + kOneNode + EnvMap{{"PMI_RANK", "5"}, {"PMI_SIZE", "8"}},
       "5 of 8, 1 of 8 here, Slurm, local:slurm-1234567-0"},
      {kTorchrun + kSrun + EnvMap{{"PMI_RANK", "5"}, {"PMI_SIZE", "8"}},
       "2 of 4, 2 of 4 here, torchrun variables, local:torchrun-box-29511-none-1"},
      // An exported size that is right does no harm.
      {kOpenMpi + EnvMap{{"WORLD_SIZE", "4"}},
       "3 of 4, 3 of 4 here, Open MPI, local:openmpi-3512205313"},
      {kSrun + kOneNode + EnvMap{{"WORLD_SIZE", "8"}},
       "5 of 8, 1 of 8 here, Slurm, local:slurm-1234567-0"},
      {kOpenMpi + EnvMap{{"WORLD_SIZE", "1"}, {"RANK", "0"}},
       "[Launch] expected the variables of one launcher, got two that contradict each other: "
       "OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_SIZE=4 (Open MPI) and RANK=0 WORLD_SIZE=1 (torchrun "
       "variables); unset OMPI_COMM_WORLD_RANK and OMPI_COMM_WORLD_SIZE in front of the program if "
       "torchrun variables has started it, or RANK and WORLD_SIZE if Open MPI has; read: "
       "WORLD_SIZE=1 RANK=0 "},
      {kOpenMpi + EnvMap{{"WORLD_SIZE", "2"}}, "contradict each other: WORLD_SIZE=2 (torchrun"},
      {kOpenMpi + EnvMap{{"RANK", "0"}}, "contradict each other: RANK=0 (torchrun variables) and "},
      {kOpenMpi + kMpich, "contradict each other: OMPI_COMM_WORLD_RANK=3"},
      {kOpenMpi + kTorchrun, "contradict each other: OMPI_COMM_WORLD_RANK=3"},
      {kSrun + by_hand, "contradict each other: RANK=0 WORLD_SIZE=8 (torchrun variables) and "},
      {kSrun + by_hand + EnvMap{{"WORLD_SIZE", "3"}}, "contradict each other: RANK=0 WORLD_SIZE=3"},
      {kSrun + EnvMap{{"WORLD_SIZE", "3"}}, "contradict each other: WORLD_SIZE=3 (torchrun"},
  });
}

TEST_CASE("Kubernetes templates in which RANK and WORLD_SIZE count pods") {
  const EnvMap pod = {{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "job-0"}};
  CheckAll({
      {pod + EnvMap{{"PET_NPROC_PER_NODE", "auto"}},
       "[Launch] LOCAL_RANK: expected it beside RANK=1 and WORLD_SIZE=2, got none, and "
       "PET_NPROC_PER_NODE=auto says that these count machines (pods), not processes; start the "
       "workers of this machine with torchrun --no-python PROGRAM, or export LOCAL_RANK=0 "
       "LOCAL_WORLD_SIZE=1 to run one worker on each"},
      {pod + EnvMap{{"NPROC_PER_NODE", "8"}},
       "and NPROC_PER_NODE=8 says that these count machines"},
      {pod + kWithSecret + EnvMap{{"NPROC_PER_NODE", "8"}, {"LOCAL_RANK", "0"}},
       "1 of 2, 0 of ? here, torchrun variables, tcp://job-0:29500"},
      {pod + kWithSecret + EnvMap{{"NPROC_PER_NODE", "1"}},
       "1 of 2, ? of ? here, torchrun variables, tcp://job-0:29500"},
      {{{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"NPROC_PER_NODE", "8"}}, "alone"},
  });
}

}  // namespace
}  // namespace convoy
