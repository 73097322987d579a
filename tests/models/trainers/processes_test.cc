// The trainers as jobs of several processes: each way to start them, signals, and wrong use.
#include <fmt/format.h>
#include <signal.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "core/base/cores.h"
#include "tests/models/trainers/job.h"
#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

const Arguments kEndless{"--threads", "1", "--steps", "100000000", "--eval-every", "0"};

/// The processes of the workers that tools/launch has started, by rank: the children of its only
/// child.
std::vector<int> WorkersOf(Job& launcher) {
  const auto children = [](int pid) {
    std::ifstream list(fmt::format("/proc/{0}/task/{0}/children", pid));
    return std::vector<int>(std::istream_iterator<int>(list), {});
  };
  return children(children(launcher[0].pid()).at(0));
}

class JobFixture : public TrainerFixture {
 public:
  /// Against one worker, and bit by bit against threads: sums are taken in rank order everywhere.
  void CheckTrainsAsOne(const Starter& starter) const {
    const Arguments sgd{"--optimizer", "sgd", "--lr",    "0.1", "--decay",   "constant",
                        "--warmup",    "0",   "--steps", "10",  "--threads", "1"};
    for (const Program& program : Programs()) {
      Run(program, "one", Joined(sgd, {"--workers", "1"}));
      for (const int workers : {2, 4}) {
        CAPTURE(starter.name, program.name, workers);
        Run(program, "threads", Joined(sgd, {"--workers", std::to_string(workers)}));
        const Arguments command = Command(program, Joined(sgd, {"--save", Saved("processes")}));
        const auto results = Job(starter.command_lines(workers, command)).Wait();
        INFO(Said(results));
        for (const ProcessResult& result : results) REQUIRE(result.status == 0);
        CHECK(Difference(Saved("one"), Saved("processes")) < 1e-5);
        CHECK(Content(Saved("threads")) == Content(Saved("processes")));
        std::remove(Saved("processes").c_str());
      }
    }
  }

  /// `stop` sends `signal` when the first steps are done. All processes end with 128 + `signal`,
  /// having saved.
  void CheckStops(const Starter& starter, int signal,
                  const std::function<void(Job&, int)>& stop) const {
    for (const Program& program : Programs()) {
      CAPTURE(starter.name, program.name);
      std::remove(Saved("stopped").c_str());
      Job job(starter.command_lines(
                  2, Command(program, Joined(kEndless, {"--save", Saved("stopped")}))),
              kPatientOpenMpi);
      REQUIRE(job[0].WaitForOutput("ms/step"));
      stop(job, signal);
      const auto results = job.Wait();
      INFO(Said(results));
      if (starter.PassesStatusOn()) {
        for (const ProcessResult& result : results) CHECK(result.status == 128 + signal);
      }
      for (const ProcessResult& result : results) {
        CHECK_THAT(result.err, !Catch::Contains("failed first"));
      }
      CHECK_THAT(results[0].out, Catch::Contains("Stopped after "));
      CHECK_FALSE(SafetensorsFile(Saved("stopped")).entries().empty());
    }
  }

  Arguments Mnist(const Arguments& more) const {
    return Command(Programs()[1], Joined({"--threads", "1"}, more));
  }

  /// Every process fails before the first step, and each of `messages` is said.
  static void CheckFails(Job job, const std::vector<std::string>& messages) {
    const std::vector<ProcessResult> results = job.Wait();
    std::string errors;
    for (const ProcessResult& result : results) errors += result.err;
    INFO(Said(results));
    for (const ProcessResult& result : results) {
      CHECK(result.status != 0);
      CHECK(result.out.find("ms/step") == std::string::npos);
    }
    for (const std::string& message : messages) CHECK_THAT(errors, Catch::Contains(message));
  }
};

TEST_CASE_METHOD(JobFixture, "N processes train as one worker does: tools/launch, variables") {
  for (const char* name : {"tools/launch", "local", "file", "tcp"}) {
    CheckTrainsAsOne(FindStarter(name));
  }
}

TEST_CASE_METHOD(JobFixture, "N processes train as one worker does: mpirun of Open MPI") {
  if (!FindStarter("Open MPI").Installed()) return;
  CheckTrainsAsOne(FindStarter("Open MPI"));
}

TEST_CASE_METHOD(JobFixture, "N processes train as one worker does: mpirun of MPICH") {
  if (!FindStarter("MPICH").Installed()) return;
  CheckTrainsAsOne(FindStarter("MPICH"));
}

TEST_CASE_METHOD(JobFixture, "A signal to tools/launch stops all of its workers, which save") {
  for (const int signal : {SIGINT, SIGTERM}) {
    CheckStops(FindStarter("tools/launch"), signal,
               [](Job& job, int number) { job[0].Signal(number); });
  }
}

TEST_CASE_METHOD(JobFixture, "A signal to any one worker stops all, which save") {
  for (const size_t rank : {size_t{0}, size_t{1}}) {
    CheckStops(FindStarter("local"), rank == 0 ? SIGTERM : SIGINT,
               [&](Job& job, int number) { job[rank].Signal(number); });
  }
}

TEST_CASE_METHOD(JobFixture, "A signal to mpirun of Open MPI lets its workers save") {
  if (!FindStarter("Open MPI").Installed()) return;
  CheckStops(FindStarter("Open MPI"), SIGTERM, [](Job& job, int number) { job[0].Signal(number); });
}

TEST_CASE_METHOD(JobFixture, "A signal to mpirun of MPICH stops its workers, which save") {
  if (!FindStarter("MPICH").Installed()) return;
  CheckStops(FindStarter("MPICH"), SIGINT, [](Job& job, int number) { job[0].Signal(number); });
}

TEST_CASE_METHOD(JobFixture, "A signal to one worker of tools/launch stops all, which save") {
  CheckStops(FindStarter("tools/launch"), SIGTERM,
             [](Job& job, int number) { kill(WorkersOf(job).at(1), number); });
}

TEST_CASE_METHOD(JobFixture, "More threads than cores are worth one warning on a host") {
  const int cores = AvailableCores();
  const std::string warning = fmt::format("warning: 2 workers of {} thread{} want {} cores, but ",
                                          cores, cores == 1 ? "" : "s", 2 * cores);
  for (const Starter& starter : Starters()) {
    if (!starter.Installed()) continue;
    CAPTURE(starter.name);
    const auto results =
        Job(starter.command_lines(
                2, Command(Programs()[1], {"--threads", std::to_string(cores), "--steps", "1"})))
            .Wait();
    INFO(Said(results));
    std::string errors;
    for (const ProcessResult& result : results) {
      CHECK(result.status == 0);
      errors += result.err;
    }
    const size_t first = errors.find(warning);
    CHECK(first != std::string::npos);
    CHECK(errors.find("warning: ", first + 1) == std::string::npos);
  }
}

TEST_CASE_METHOD(JobFixture, "A secret that may be guessed is worth one warning") {
  const Arguments mnist = Command(Programs()[1], {"--steps", "1", "--threads", "1"});
  for (const bool weak : {false, true}) {
    auto lines = FindStarter("tcp").command_lines(2, mnist);
    for (Arguments& line : lines) {
      for (std::string& word : line) {
        if (weak && word.starts_with("CONVOY_SECRET=")) word = "CONVOY_SECRET=aaaaaaaaaaaaaaaaaaaa";
      }
    }
    const auto results = Job(lines).Wait();
    INFO(Said(results));
    for (const ProcessResult& result : results) CHECK(result.status == 0);
    CHECK((results[0].err.find("warning: CONVOY_SECRET is weak: ") != std::string::npos) == weak);
    CHECK(results[1].err.find("CONVOY_SECRET") == std::string::npos);
  }
}

TEST_CASE_METHOD(JobFixture, "tools/launch quotes the cause, and what the dead worker did last") {
  Job job(FindStarter("tools/launch").command_lines(3, Mnist(kEndless)));
  REQUIRE(job[0].WaitForOutput("ms/step"));
  kill(WorkersOf(job).at(1), SIGKILL);
  const ProcessResult result = job.Wait()[0];
  INFO(result.out << result.err);
  CHECK(result.status == 128 + SIGKILL);
  CHECK_THAT(result.err, Catch::Contains("[0] mnist: [worker ") &&
                             Catch::Contains(" of 3] [Gloo] worker 1 has gone: ") &&
                             Catch::Contains("[tools/launch] worker 1 of 3 failed first") &&
                             Catch::EndsWith("it was killed by signal 9 (Killed)\n"));
  CHECK_THAT(result.err, !Catch::Contains("has started no collective"));
}

TEST_CASE_METHOD(JobFixture, "tools/launch quotes what a worker says is wrong") {
  const Arguments command = Mnist({"--steps", "10", "--hidden", "20"});
  std::string line = "exec";
  for (const std::string& word : command) line += " '" + word + "'";
  // Worker 1 has another model than the others: worker 0 says it for both, above a table.
  const ProcessResult result =
      Job(FindStarter("tools/launch")
              .command_lines(2, {"/bin/sh", "-c", line + " $([ $RANK = 0 ] || echo --hidden 24)"}))
          .Wait()[0];
  INFO(result.out << result.err);
  CHECK(result.status == 1);
  const std::string last = result.err.substr(result.err.rfind("error: "));
  CHECK_THAT(last, Catch::Contains(" of 2 failed first (") &&
                       Catch::Contains("said: mnist: [worker ") &&
                       Catch::Contains("workers disagree on parameter 'layers."));
}

TEST_CASE_METHOD(JobFixture, "--workers is the launcher's to say") {
  for (const char* name : {"tools/launch", "local"}) {
    // tools/launch passes on the status of a wrong command line.
    const auto wrong = Job(FindStarter(name).command_lines(2, Mnist({"--workers", "3"}))).Wait();
    for (const ProcessResult& result : wrong) CHECK(result.status == 2);
    CheckFails(Job(FindStarter(name).command_lines(2, Mnist({"--workers", "3"}))),
               {"[Launch] --workers 3, but the launcher has started 2 processes, each of which is "
                "one worker; leave --workers out"});
  }
}

TEST_CASE_METHOD(JobFixture, "Variables that contradict each other") {
  CheckFails(Job({WithVariables(
                 {"RANK=1", "WORLD_SIZE=2", "OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=2"},
                 Mnist({}))}),
             {"[Launch] expected the variables of one launcher, got two that contradict each "
              "other: ",
              "RANK=1 WORLD_SIZE=2", "unset "});
}

TEST_CASE_METHOD(JobFixture, "Two processes with the same rank") {
  const auto job = [&](const std::vector<int>& ranks) {
    const std::string name = UniqueName();
    std::vector<Arguments> lines;
    for (const int rank : ranks) {
      lines.push_back(
          BareWorker(rank, static_cast<int>(ranks.size()), name, Mnist({"--timeout", "2"})));
    }
    return Job(lines);
  };
  CheckFails(job({0, 1, 1}), {"[Meet] rank 1 is taken twice: by "});
  CheckFails(job({0, 0, 1}), {"[Meet] expected to be the only rank 0 of job '"});
}

TEST_CASE_METHOD(JobFixture, "A process that believes in another world size") {
  const std::string name = UniqueName();
  CheckFails(Job({BareWorker(0, 2, name, Mnist({})), BareWorker(1, 3, name, Mnist({}))}),
             {"[Meet] worker 0 (", "was started as one of 2, worker 1 (", "as one of 3; all must"});
}

TEST_CASE_METHOD(JobFixture, "Other flags on one rank") {
  const auto job = [&](const Arguments& zero, const Arguments& one) {
    const std::string name = UniqueName();
    return Job({BareWorker(0, 2, name, Mnist(zero)), BareWorker(1, 2, name, Mnist(one))});
  };
  CheckFails(job({}, {"--hidden", "20,24"}),
             {"[DataParallel] workers disagree on parameter 'layers.", ": worker 0 has ("});
  CheckFails(job({"--device", "cpu"}, {"--device", "cuda"}), {"[Launch] --device cuda: "});
}

}  // namespace
}  // namespace convoy
