// tools/launch as its users see it: real processes, with shell commands for workers.
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "parallel/launch/env/launcher_env.h"
#include "tests/models/trainers/subprocess.h"
#include "tests/tools/launch/launcher.h"

namespace convoy {
namespace {

// `tools/launch flags... -- sh -c script`
ProcessResult Run(const std::vector<std::string>& flags, const std::string& script) {
  return RunProcess(CommandLine(flags, script));
}

ProcessResult RunRaw(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), kLauncher);
  return RunProcess(arguments);
}

std::vector<std::string> Lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

std::string Sorted(const std::string& text) {
  std::vector<std::string> lines = Lines(text);
  std::sort(lines.begin(), lines.end());
  std::string sorted;
  for (const std::string& line : lines) sorted += line + "\n";
  return sorted;
}

TEST_CASE("Workers get the variables by which they find each other") {
  setenv("OMPI_COMM_WORLD_RANK", "5", 1);  // as if mpirun had started tools/launch
  setenv("WORLD_SIZE", "7", 1);
  const ProcessResult result = Run({"--workers", "3"}, "env");
  unsetenv("OMPI_COMM_WORLD_RANK");
  unsetenv("WORLD_SIZE");
  REQUIRE(result.status == 0);
  std::set<std::string> places;
  for (int rank = 0; rank < 3; ++rank) {
    EnvMap env;
    const std::string prefix = fmt::format("[{}] ", rank);
    for (const std::string& line : Lines(result.out)) {
      const size_t equals = line.find('=');
      if (!line.starts_with(prefix) || equals == line.npos) continue;
      env[line.substr(prefix.size(), equals - prefix.size())] = line.substr(equals + 1);
    }
    const std::optional<LauncherEnv> job = ReadLauncherEnv(env, {});
    REQUIRE(job);
    CHECK(job->rank == rank);
    CHECK(job->size == 3);
    CHECK(job->local_rank == rank);
    CHECK(job->local_size == 3);
    CHECK(job->launcher == "tools/launch");
    CHECK(job->place.kind == MeetingPlace::Kind::kLocal);
    places.insert(job->place.name);
    CHECK(env.at("GROUP_RANK") == "0");
    CHECK(env.at("MASTER_ADDR") == "127.0.0.1");
    CHECK(std::stoi(env.at("MASTER_PORT")) > 0);
  }
  CHECK(places.size() == 1);
}

TEST_CASE("Each line says whose it is; stdout and stderr stay apart") {
  const ProcessResult result =
      Run({"--workers", "2"}, "echo out $RANK; echo err $RANK >&2; printf 'no end'");
  CHECK(result.status == 0);
  CHECK(Sorted(result.out) == "[0] no end\n[0] out 0\n[1] no end\n[1] out 1\n");
  CHECK(Sorted(result.err) == "[0] err 0\n[1] err 1\n");
}

TEST_CASE("Lines stay whole and complete when all workers write at once") {
  const ProcessResult result = Run({"--workers", "4"},
                                   "i=0; while [ $i -lt 500 ]; do printf '%s-' $RANK; printf "
                                   "'%s-%0200d\\n' $i 0; i=$((i+1)); done");
  REQUIRE(result.status == 0);
  std::map<std::string, int> next;
  for (const std::string& line : Lines(result.out)) {
    const std::string rank = line.substr(1, 1);
    REQUIRE(line == fmt::format("[{}] {}-{}-{:0200}", rank, rank, next[rank], 0));
    ++next[rank];
  }
  CHECK(next == std::map<std::string, int>{{"0", 500}, {"1", 500}, {"2", 500}, {"3", 500}});
}

TEST_CASE("--no-prefix passes output on as it is") {
  const ProcessResult result =
      Run({"--workers", "1", "--no-prefix"}, "printf 'a\\nb'; printf c >&2");
  CHECK(result.out == "a\nb");
  CHECK(result.err == "c");
}

TEST_CASE("The first failure is reported with all that is known of it, and its status returned") {
  const std::string sleep = "sleep " + UniqueSeconds();
  const ProcessResult result =
      Run({"--workers", "3", "--timeout", "0.2"}, "[ $RANK = 1 ] || exec " + sleep +
                                                      "; echo first >&2; echo 'disk full' "
                                                      ">&2; printf '  a table\\n  of two\\n\\n' "
                                                      ">&2; echo 'warning: late' >&2; "
                                                      "echo pid $$; exit 7");
  CHECK(result.status == 7);
  REQUIRE(result.out.starts_with("[1] pid "));
  const std::string pid = Lines(result.out)[0].substr(8);
  char host[256] = {};
  gethostname(host, sizeof(host) - 1);
  CHECK(Lines(result.err).back() ==
        fmt::format("error: [tools/launch] worker 1 of 3 failed first (host {}, pid {}): it ended "
                    "with exit status 7; it said: disk full",
                    host, pid));
  CHECK(CountProcesses(sleep.substr(6)) == 0);
}

TEST_CASE("A worker that is killed is the cause, not those that fail because of it") {
  const TempFile pid("");
  const ProcessResult result =
      Run({"--workers", "2"},
          fmt::format("if [ $RANK = 1 ]; then echo $$ > {0}; exec sleep 100; fi; until [ -s {0} ]; "
                      "do sleep 0.01; done; kill -9 $(cat {0}); exit 1",
                      pid.path()));
  CHECK(result.status == 128 + SIGKILL);
  CHECK_THAT(result.err, Catch::Contains("worker 1 of 2 failed first") &&
                             Catch::Contains("it was killed by signal 9 (Killed)\n"));
}

TEST_CASE("When one fails the others may have their say, then are asked, then are killed") {
  const std::string seconds = UniqueSeconds();
  const ProcessResult result =
      Run({"--workers", "4", "--timeout", "0.5"},
          "case $RANK in 0) exit 3;; 1) sleep 0.1; echo peer lost >&2; exit 1;; "
          "2) trap 'echo asked; exit 0' TERM; while :; do sleep 0.05; done;; "
          "3) trap '' TERM; while :; do sleep " +
              seconds + "; done;; esac");
  CHECK(result.status == 3);
  CHECK(result.out == "[2] asked\n");
  CHECK_THAT(result.err, Catch::StartsWith("[1] peer lost\n") && Catch::Contains("worker 0 of 4"));
  CHECK(CountProcesses(seconds) == 0);
}

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

TEST_CASE("A worker that leaves its error to another one is quoted from there") {
  const ProcessResult result = Run(
      {"--workers", "2"},
      "[ $RANK = 1 ] && exit 1; sleep 0.3; echo 'app: [worker 1 of 2] no such file' >&2; exit 1");
  CHECK(result.status == 1);
  CHECK_THAT(result.err,
             Catch::EndsWith("it ended with exit status 1; worker 0 said: app: [worker 1 of 2] no "
                             "such file\n"));
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

TEST_CASE("Nothing is left when the launcher is killed, not even what has left its session") {
  const std::string seconds = UniqueSeconds();
  Subprocess launcher(CommandLine(
      {"--workers", "2"}, fmt::format("trap '' TERM HUP INT; setsid sleep {0} & sleep {0} & "
                                      "(setsid setsid sleep {0} &) ; echo ready; sleep {0}",
                                      seconds)));
  REQUIRE(launcher.WaitForOutput("[0] ready"));
  REQUIRE(launcher.WaitForOutput("[1] ready"));
  CHECK(Within(5, [&] { return CountProcesses(seconds) == 8; }));
  launcher.Signal(SIGKILL);
  CHECK(Within(5, [&] { return CountProcesses(seconds) == 0; }));
}

TEST_CASE("What workers leave running ends with the job") {
  const std::string seconds = UniqueSeconds();
  const ProcessResult result =
      Run({"--workers", "2"}, fmt::format("setsid sleep {0} & sleep {0} & echo done", seconds));
  CHECK(result.status == 0);
  CHECK(Sorted(result.out) == "[0] done\n[1] done\n");
  CHECK(CountProcesses(seconds) == 0);
}

TEST_CASE("A reader that wants no more ends the job") {
  const std::string seconds = UniqueSeconds();
  const ProcessResult result =
      RunProcess({"/bin/sh", "-c",
                  fmt::format("{} --workers 2 --timeout 0.1 -- sh -c 'yes || sleep {}' | head -n 1",
                              kLauncher, seconds)});
  CHECK(Lines(result.out).size() == 1);
  CHECK(Within(5, [&] { return CountProcesses(seconds) == 0; }));
}

TEST_CASE("Several hosts: ranks in order, one place to meet, and a secret nobody else sees") {
  const TempFile hosts("alpha slots=2\nme@beta slots=4 # only one is needed\n");
  const TempFile ssh(kFakeSsh, /*executable=*/true);
  setenv("CONVOY_TEST_VALUE", "forwarded", 1);
  const ProcessResult result = Run(
      {"--workers", "3", "--hosts", hosts.path(), "--ssh", ssh.path(), "--port", "12345"},
      "echo $RANK/$WORLD_SIZE $LOCAL_RANK/$LOCAL_WORLD_SIZE $GROUP_RANK $MASTER_ADDR:$MASTER_PORT "
      "$CONVOY_RENDEZVOUS $CONVOY_TEST_VALUE; echo secret $CONVOY_SECRET; "
      "all=$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '); "
      "case $all in *$CONVOY_SECRET*) echo 1;; *) echo 0;; esac");
  unsetenv("CONVOY_TEST_VALUE");
  const std::string place = "alpha:12345 tcp://alpha:12345 forwarded\n";
  const std::string out = Sorted(result.out);
  CHECK_THAT(out, Catch::Contains("[0] 0/3 0/2 0 " + place) &&
                      Catch::Contains("[1] 1/3 1/2 0 " + place) &&
                      Catch::Contains("[2] 2/3 0/1 1 " + place));
  std::set<std::string> secrets, found;
  for (const std::string& line : Lines(result.out)) {
    if (line.substr(4).starts_with("secret ")) secrets.insert(line.substr(11));
    if (line.size() == 5) found.insert(line.substr(4));
  }
  REQUIRE(secrets.size() == 1);
  CHECK(secrets.begin()->size() == 64);
  CHECK(found == std::set<std::string>{"0"});
}

TEST_CASE("Hosts that cannot be reached are named, with what ssh said") {
  const TempFile hosts("alpha\nbeta\n");
  const auto run = [&](const std::string& script) {
    const TempFile ssh("#!/bin/sh\n" + script, true);
    return Run({"--hosts", hosts.path(), "--ssh", ssh.path()}, "true");
  };
  const ProcessResult refused =
      run("[ $1 = alpha ] && { shift; exec \"$@\"; }\necho \"ssh: Permission denied (publickey).\" "
          ">&2\nexit 255\n");
  CHECK(refused.status == 1);
  CHECK_THAT(refused.err,
             Catch::Contains("[beta] ssh: Permission denied (publickey).\n") &&
                 Catch::Contains("error: [tools/launch] expected to reach host 'beta', got no "
                                 "agent: ssh: Permission denied (publickey).; see that `ssh -o "
                                 "BatchMode=yes beta true` works without a password and that this "
                                 "build lies under the same path there\n"));
  CHECK_THAT(run("echo no such program\n").err,
             Catch::Contains("' , got no agent: no such program") ||
                 Catch::Contains("got no agent: no such program; see"));
  const ProcessResult missing =
      Run({"--hosts", hosts.path(), "--ssh", "/nonexistent/ssh -q"}, "true");
  CHECK(missing.status == 127);
  CHECK_THAT(missing.err,
             Catch::Contains("cannot start '/nonexistent/ssh': No such file or directory; "
                             "expected a program that reaches other hosts like ssh"));
}

TEST_CASE("What an agent says is checked, and quoted without control characters") {
  struct Case {
    std::string frame, message;
  };
  const TempFile hosts("alpha slots=2\n");
  const std::string hello = "\\001\\001\\0\\0\\0\\0\\0\\0\\0";
  const std::vector<Case> cases = {
      {"\\001\\160\\021\\001\\0\\0\\0\\0\\0", "expected a port from host 'alpha', got 70000"},
      {"\\001\\377\\377\\377\\377\\0\\0\\0\\0", "expected a port from host 'alpha', got -1"},
      {"\\001\\0\\0\\0\\0\\0\\0\\0\\0",
       "expected a TCP port that is free on host 'alpha', got none; name one with --port"},
      {hello + "\\006\\0\\001\\0\\0\\006\\0\\0\\0no\\033[2J", "host 'alpha': no\\x1b[2J"},
      {hello + "\\004\\0\\0\\0\\0\\003\\0\\0\\0\\033[m",
       "expected a process id of worker 0 from host 'alpha', got '\\x1b[m'"},
      {hello + "\\005\\0\\0\\0\\0\\002\\0\\0\\0\\0337",
       "expected the status of worker 0 from host 'alpha', got '\\x1b7'"},
      // Worker 0 has ended, and once more. There are two, so that the job goes on.
      {hello + "\\005\\0\\0\\0\\0\\001\\0\\0\\0000\\005\\0\\0\\0\\0\\001\\0\\0\\0000",
       "host 'alpha' reported the end of worker 0 twice"},
      {hello + "\\005\\002\\0\\0\\0\\001\\0\\0\\0000",
       "host 'alpha' reported on worker 2, which does not run there"},
      {hello + "\\011\\0\\0\\0\\0\\0\\0\\0\\0",
       "host 'alpha' sent a message that only the launcher sends"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.frame);
    const TempFile ssh(
        "#!/bin/sh\nprintf '\\nconvoy-launch-1\\n" + c.frame + "'\nexec sleep 1000\n",
        /*executable=*/true);
    const ProcessResult result = Run({"--hosts", hosts.path(), "--ssh", ssh.path()}, "true");
    CHECK(result.status == 1);
    CHECK(result.err == "error: [tools/launch] " + c.message + "\n");
  }
}

TEST_CASE("Last words are quoted without control characters, and passed on as they are") {
  const ProcessResult result =
      Run({"--workers", "1"}, "printf '\\033[31mdisk\\tfull\\033[0m \\377\\n' >&2; exit 3");
  CHECK(result.status == 3);
  CHECK_THAT(result.err, Catch::StartsWith("[0] \033[31mdisk\tfull\033[0m \377\n") &&
                             Catch::EndsWith("it said: \\x1b[31mdisk full\\x1b[0m \\xff\n"));
}

TEST_CASE("A worker that is stopped goes on when another has failed, so that it can end") {
  const ProcessResult result =
      Run({"--workers", "2", "--timeout", "60"},
          "[ $RANK = 0 ] && { sleep 0.5; exit 3; }; kill -STOP $$; echo woken");
  CHECK(result.status == 3);
  CHECK(result.out == "[1] woken\n");
}

TEST_CASE("A connection that is lost takes its workers along, and is the cause") {
  const TempFile hosts("alpha slots=2\nbeta\n");
  const TempFile ssh(kFakeSsh, /*executable=*/true);
  const std::string seconds = UniqueSeconds();
  const ProcessResult result =
      Run({"--hosts", hosts.path(), "--ssh", ssh.path(), "--timeout", "0.2"},
          "[ $RANK = 1 ] && { sleep 0.3; kill -9 $PPID; }; exec sleep " + seconds);
  CHECK(result.status == 255);
  CHECK_THAT(result.err, Catch::Contains("error: [tools/launch] worker 0 of 3 was lost with the "
                                         "connection to host 'alpha'\n"));
  CHECK(Within(5, [&] { return CountProcesses(seconds) == 0; }));
}

TEST_CASE("A hundred jobs start at the same time") {
  std::vector<std::unique_ptr<Subprocess>> jobs;
  for (int i = 0; i < 100; ++i) {
    jobs.push_back(
        std::make_unique<Subprocess>(CommandLine({"--workers", "2"}, "echo $CONVOY_RENDEZVOUS")));
  }
  std::set<std::string> places;
  for (const auto& job : jobs) {
    const ProcessResult result = job->Wait();
    CHECK(result.status == 0);
    const std::vector<std::string> lines = Lines(result.out);
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].substr(4) == lines[1].substr(4));
    places.insert(lines[0].substr(4));
  }
  CHECK(places.size() == 100);
}

TEST_CASE("Commands and flags that cannot be so") {
  struct Case {
    std::vector<std::string> arguments;
    int status;
    std::string message;
  };
  const TempFile not_executable("#!/bin/sh\n");
  const TempFile hosts("alpha slots=2\nlocalhost\n");
  const TempFile bad_hosts("alpha\nalpha\n");
  const auto number = [](const std::string& flag, const std::string& max, const std::string& got) {
    return "[tools/launch] " + flag + ": expected a whole number from 1 to " + max + ", got '" +
           got + "'; --help explains the flags";
  };
  const std::string seconds = "[tools/launch] --timeout: expected seconds from 0 to 1000000, got '";
  const std::vector<Case> cases = {
      {{},
       2,
       "[tools/launch] expected `-- COMMAND [ARGUMENT]...` after the flags, got no --; for "
       "example: tools/launch --workers 4 -- ./train --steps 100"},
      {{"--workers", "2"}, 2, "after the flags, got no --; for example"},
      {{"--workers", "2", "--"}, 2, "after the flags, got nothing after --; for example"},
      {{"--workers", "2", "--", ""}, 2, "after the flags, got nothing after --; for example"},
      {{"--", "true"},
       2,
       "[tools/launch] expected --workers N or --hosts FILE, got neither; for "
       "example: tools/launch --workers 4 -- ./train"},
      {{"--workers", "0", "--", "true"}, 2, number("--workers", "65536", "0")},
      {{"--workers", "-1", "--", "true"}, 2, number("--workers", "65536", "-1")},
      {{"--workers", "two", "--", "true"}, 2, number("--workers", "65536", "two")},
      {{"--workers", "1.5", "--", "true"}, 2, number("--workers", "65536", "1.5")},
      {{"--workers", "70000", "--", "true"}, 2, number("--workers", "65536", "70000")},
      {{"--workers", "99999999999", "--", "true"}, 2, number("--workers", "65536", "99999999999")},
      {{"--workers=", "--", "true"}, 2, "[tools/launch] --workers: 1 required N missing; --help"},
      {{"--workers", "--", "true"}, 2, "--workers"},
      {{"--wrokers", "2", "--", "true"}, 2, "--wrokers; --help explains the flags"},
      {{"2", "--", "true"}, 2, "2; --help explains the flags"},
      {{"--workers", "1", "--port", "0", "--", "true"}, 2, number("--port", "65535", "0")},
      {{"--workers", "1", "--port", "65536", "--", "true"}, 2, number("--port", "65535", "65536")},
      {{"--workers", "1", "--port", "http", "--", "true"}, 2, number("--port", "65535", "http")},
      {{"--workers", "1", "--timeout", "soon", "--", "true"}, 2, seconds + "soon'; --help"},
      {{"--workers", "1", "--timeout", "-1", "--", "true"}, 2, seconds + "-1'; --help"},
      {{"--workers", "1", "--timeout", "nan", "--", "true"}, 2, seconds + "nan'; --help"},
      {{"--workers", "1", "--timeout", "1e9", "--", "true"}, 2, seconds + "1e9'; --help"},
      {{"--workers", "1", "--timeout", "5s", "--", "true"}, 2, seconds + "5s'; --help"},
      {{"--workers", "1", "--silence", "0", "--", "true"}, 2, number("--silence", "1000000", "0")},
      {{"--workers", "1", "--silence", "1", "--", "true"},
       2,
       "[tools/launch] --silence: expected --hosts FILE beside it, as workers of this host notice "
       "at once when the launcher ends, got none; leave it out"},
      {{"--workers", "1", "--ssh", " ", "--", "true"},
       2,
       "[tools/launch] --ssh: expected a program, got ' '; leave it out for ssh itself"},
      {{"--workers", "1", "--ssh", "ssh -q", "--", "true"},
       2,
       "[tools/launch] --ssh: expected --hosts FILE beside it, as workers of this host need no "
       "ssh, got none"},
      {{"--workers", "1", "--env", "HOME", "--", "true"},
       2,
       "[tools/launch] --env: expected --hosts FILE beside it, as workers of this host get all "
       "variables, got none"},
      {{"--hosts", "/nonexistent", "--", "true"},
       1,
       "[tools/launch] cannot open '/nonexistent': No such file or directory"},
      {{"--hosts", bad_hosts.path(), "--", "true"},
       1,
       bad_hosts.path() + ":2: expected every host once, got 'alpha' again, first in line 1; give"},
      {{"--hosts", hosts.path(), "--workers", "4", "--", "true"},
       1,
       "[tools/launch] --workers: expected at most 3, as many as the hosts have slots, got 4; "
       "write "
       "`HOST slots=N`"},
      {{"--workers", "2", "--", "no-such-program"},
       127,
       "cannot start 'no-such-program': No such file or directory; give a path, or the name of a "
       "program in PATH"},
      {{"--workers", "2", "--", not_executable.path()},
       126,
       "cannot start '" + not_executable.path() + "': Permission denied; give a path"},
      {{"--workers", "1", "--", "/"}, 126, "cannot start '/': Permission denied; give a path"},
  };
  for (const Case& c : cases) {
    std::string line;
    for (const std::string& argument : c.arguments) line += argument + " ";
    INFO(line);
    const ProcessResult result = RunRaw(c.arguments);
    CHECK(result.status == c.status);
    CHECK(result.out == "");
    CHECK_THAT(result.err,
               Catch::StartsWith("error: [tools/launch] ") && Catch::Contains(c.message));
    CHECK(Lines(result.err).size() == 1);
  }
}

TEST_CASE("--help explains the flags") {
  const ProcessResult result = RunRaw({"--help"});
  CHECK(result.status == 0);
  for (const char* flag : {"--workers", "--hosts", "--timeout", "--silence", "--no-prefix",
                           "--port", "--env", "--ssh", "Usage: "}) {
    CHECK_THAT(result.out, Catch::Contains(flag));
  }
}

}  // namespace
}  // namespace convoy
