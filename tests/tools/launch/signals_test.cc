// tools/launch and signals: who gets them, and what the exit status says of it.
#include <fmt/format.h>
#include <signal.h>

#include <catch2/catch.hpp>
#include <string>

#include "tests/models/trainers/subprocess.h"
#include "tests/tools/launch/launcher.h"

namespace convoy::launcher {
namespace {

TEST_CASE("Signals reach the workers, and what they make of them counts") {
  struct Case {
    int signal;
    std::string name;
  };
  const Case c = GENERATE(Case{SIGINT, "INT"}, Case{SIGTERM, "TERM"}, Case{SIGHUP, "HUP"},
                          Case{SIGQUIT, "QUIT"}, Case{SIGUSR1, "USR1"});
  Subprocess launcher(CommandLine(
      {"--workers", "2"},
      fmt::format("trap 'echo saved; exit 0' {}; echo ready; while :; do sleep 0.02; done",
                  c.name)));
  REQUIRE(launcher.WaitForOutput("[0] ready"));
  REQUIRE(launcher.WaitForOutput("[1] ready"));
  launcher.Signal(c.signal);
  const ProcessResult result = launcher.Wait();
  CHECK(result.status == 0);
  CHECK_THAT(result.out, Catch::Contains("[0] saved") && Catch::Contains("[1] saved"));
  CHECK_THAT(result.err, !Catch::Contains("error"));
}

TEST_CASE("Workers that stop early on a signal that was passed on have the time that they need") {
  Subprocess launcher(CommandLine(
      {"--workers", "3", "--timeout", "0.1"},
      "trap 'sleep 0.$RANK; sleep $RANK; echo saved; [ $RANK = 1 ] && exit 0; exit 143' TERM; "
      "echo ready; while :; do sleep 0.02; done"));
  for (const char* ready : {"[0] ready", "[1] ready", "[2] ready"}) {
    REQUIRE(launcher.WaitForOutput(ready));
  }
  launcher.Signal(SIGTERM);
  const ProcessResult result = launcher.Wait();
  CHECK(result.status == 128 + SIGTERM);
  CHECK_THAT(result.out, Catch::Contains("[0] saved") && Catch::Contains("[1] saved") &&
                             Catch::Contains("[2] saved"));
  CHECK_THAT(result.err, !Catch::Contains("error"));
}

TEST_CASE("A worker that fails while the others stop early is the cause") {
  Subprocess launcher(CommandLine(
      {"--workers", "2"},
      "trap '[ $RANK = 0 ] && exit 143; echo disk full >&2; exit 4' TERM; echo ready; while :; do "
      "sleep 0.02; done"));
  REQUIRE(launcher.WaitForOutput("[0] ready"));
  REQUIRE(launcher.WaitForOutput("[1] ready"));
  launcher.Signal(SIGTERM);
  const ProcessResult result = launcher.Wait();
  CHECK(result.status == 4);
  CHECK_THAT(result.err, Catch::Contains("worker 1 of 2 failed first") &&
                             Catch::EndsWith("it ended with exit status 4; it said: disk full\n"));
}

TEST_CASE("Workers that die of a signal that was passed on") {
  Subprocess launcher(CommandLine({"--workers", "2"}, "echo ready; exec sleep 1000"));
  REQUIRE(launcher.WaitForOutput("[0] ready"));
  REQUIRE(launcher.WaitForOutput("[1] ready"));
  launcher.Signal(SIGINT);
  const ProcessResult result = launcher.Wait();
  CHECK(result.status == 128 + SIGINT);
  CHECK(result.err == "error: [tools/launch] the workers were sent signal 2 (Interrupt)\n");
}

TEST_CASE("Signals reach what a worker has started, as from a terminal") {
  Subprocess launcher(CommandLine(
      {"--workers", "1"},
      "trap 'sleep 0.5; exit 0' TERM; (trap 'echo child saved; exit 0' TERM; echo ready; while :; "
      "do sleep 0.02; done) & wait"));
  REQUIRE(launcher.WaitForOutput("[0] ready"));
  launcher.Signal(SIGTERM);
  const ProcessResult result = launcher.Wait();
  CHECK(result.status == 0);
  CHECK_THAT(result.out, Catch::Contains("[0] child saved"));
}

TEST_CASE("A second SIGINT kills workers that do not want to end") {
  const std::string seconds = UniqueSeconds();
  Subprocess launcher(CommandLine(
      {"--workers", "2"},
      "trap 'echo no' INT; sleep " + seconds + " & echo ready; while :; do sleep 0.02; done"));
  REQUIRE(launcher.WaitForOutput("[0] ready"));
  REQUIRE(launcher.WaitForOutput("[1] ready"));
  launcher.Signal(SIGINT);
  REQUIRE(launcher.WaitForOutput("[0] no"));
  launcher.Signal(SIGINT);
  CHECK(launcher.Wait().status == 128 + SIGINT);
  CHECK(CountProcesses(seconds) == 0);
}

}  // namespace
}  // namespace convoy::launcher
