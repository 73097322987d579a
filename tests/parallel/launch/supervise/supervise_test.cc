// Processes that are supervised: which failed first, how the others are ended, and that none stays.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "parallel/launch/supervise/child_processes.h"
#include "parallel/launch/supervise/escalation.h"
#include "parallel/launch/supervise/first_cause.h"
#include "parallel/launch/supervise/spawn.h"

namespace convoy {
namespace {

using std::chrono::milliseconds, std::chrono::seconds;

launch::SpawnOptions Shell(const std::string& script) {
  return {.program = "sh",
          .argv = {"sh", "-c", script},
          .env = launch::EnvironmentWithout({}),
          .err = launch::SpawnOptions::kNull};
}

// What Reap tells until all have ended, or ten seconds have passed.
std::vector<launch::ChildProcesses::Ended> ReapAll(launch::ChildProcesses& processes) {
  std::vector<launch::ChildProcesses::Ended> all;
  for (int tries = 0; processes.alive() > 0 && tries < 5000; ++tries) {
    for (const launch::ChildProcesses::Ended& ended : processes.Reap()) all.push_back(ended);
    std::this_thread::sleep_for(milliseconds(2));
  }
  return all;
}

bool Exists(pid_t pid) { return kill(pid, 0) == 0; }

TEST_CASE("The first cause counts, but who was killed goes before who gave up because of it") {
  launch::FirstCause cause;
  CHECK(!cause.since());
  cause.Add({"gave up", 1});
  cause.Add({"gave up too", 1});
  CHECK(cause.cause().text == "gave up");
  cause.Add({"was killed", 137, /*killed=*/true});
  cause.Add({"was killed too", 137, /*killed=*/true});
  CHECK(cause.cause().text == "was killed");
  CHECK(cause.since());
  launch::FirstCause settled;
  settled.Add({"gave up", 1});
  settled.Settle();
  settled.Add({"was killed by us", 137, /*killed=*/true});
  CHECK(settled.cause().text == "gave up");
  launch::FirstCause later;
  later.Add({"gave up", 1});
  std::this_thread::sleep_for(milliseconds(250));
  later.Add({"was killed", 137, /*killed=*/true});
  CHECK(later.cause().text == "gave up");
}

TEST_CASE(
    "What is added after the others are being ended is no cause, even if nothing was before") {
  launch::FirstCause cause;
  cause.Settle();
  cause.Add({"was killed by us", 137, /*killed=*/true});
  CHECK(!cause.since());
}

TEST_CASE("The others are asked to end after a time, and killed after the same time again") {
  using Step = launch::Escalation::Step;
  launch::Escalation escalation(seconds(5), /*asks=*/true);
  CHECK(escalation.Next(seconds(100)) == Step::kFailed);
  CHECK(escalation.Next(seconds(104)) == Step::kNone);
  CHECK(escalation.Next(seconds(106)) == Step::kAsk);
  CHECK(escalation.Next(seconds(110)) == Step::kNone);
  CHECK(escalation.Next(seconds(111)) == Step::kKill);
  CHECK(escalation.Next(seconds(200)) == Step::kNone);

  launch::Escalation at_once(seconds(5), /*asks=*/false);
  CHECK(at_once.Next(seconds(100)) == Step::kFailed);
  CHECK(at_once.Next(seconds(104)) == Step::kNone);
  CHECK(at_once.Next(seconds(105)) == Step::kKill);
  CHECK(at_once.Next(seconds(200)) == Step::kNone);
}

TEST_CASE("Processes are reaped with their numbers and statuses, each once") {
  const bool orphans = GENERATE(false, true);
  launch::ChildProcesses processes({.orphans = orphans});
  for (const char* script : {"exit 3", "exit 0", "kill -9 $$"}) processes.Start(Shell(script));
  CHECK(processes.alive() == 3);
  std::vector<int> statuses(3, -1);
  for (const auto& [child, status] : ReapAll(processes)) {
    REQUIRE(child < 3);
    CHECK(statuses[child] == -1);
    statuses[child] = status;
  }
  CHECK(launch::ShellStatus(statuses[0]) == 3);
  CHECK(statuses[1] == 0);
  CHECK(launch::ShellStatus(statuses[2]) == 128 + SIGKILL);
  CHECK(launch::WasKilled(statuses[2]));
  CHECK_FALSE(launch::WasKilled(statuses[0]));
  CHECK(processes.alive() == 0);
  CHECK(processes.Reap().empty());
}

TEST_CASE("Signals reach those that have not ended, and with groups what they have started") {
  const bool groups = GENERATE(false, true);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  launch::ChildProcesses processes({.groups = groups});
  processes.Start(Shell("exit 0"));
  launch::SpawnOptions shell = Shell(
      "trap 'exit 4' TERM; (trap 'printf c; exit' TERM; printf r; while :; do sleep 0.02; done) & "
      "while :; do sleep 0.02; done");
  shell.out = ends[1];
  const pid_t leader = processes.Start(shell);
  close(ends[1]);
  char byte = 0;
  REQUIRE(read(ends[0], &byte, 1) == 1);
  CHECK(byte == 'r');
  std::this_thread::sleep_for(milliseconds(100));  // for the shell to set its own trap
  processes.Signal(SIGTERM);
  int status = 0;
  for (const auto& ended : ReapAll(processes)) {
    if (ended.child == 1) status = ended.status;
  }
  CHECK(launch::ShellStatus(status) == 4);
  if (groups) {
    REQUIRE(read(ends[0], &byte, 1) == 1);
    CHECK(byte == 'c');
  }
  close(ends[0]);
  kill(-leader, SIGKILL);  // what it has left without `groups`
}

TEST_CASE("No process outlives the object that has started it") {
  pid_t pid = 0;
  {
    launch::ChildProcesses processes({});
    pid = processes.Start(Shell("trap '' TERM; while :; do sleep 0.02; done"));
    processes.WaitUntilEnded(milliseconds(20));
    CHECK(processes.alive() == 1);
    CHECK(Exists(pid));
  }
  CHECK_FALSE(Exists(pid));
}

TEST_CASE(
    "Processes that others have waited for are not killed under a number that is free again") {
  launch::ChildProcesses processes({});
  const pid_t pid = processes.Start(Shell("exit 0"));
  REQUIRE(waitpid(pid, nullptr, 0) == pid);
  processes.Kill();
  CHECK(processes.alive() == 0);
}

TEST_CASE("A program that cannot be started is an error, and no process") {
  launch::ChildProcesses processes({});
  CHECK_THROWS_AS(processes.Start({.program = "/nonexistent", .argv = {"x"}}), launch::SpawnError);
  CHECK(processes.alive() == 0);
}

}  // namespace
}  // namespace convoy
