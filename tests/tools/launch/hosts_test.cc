// tools/launch on several hosts, which a stand-in for ssh plays.
#include <stdlib.h>

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "tests/models/trainers/subprocess.h"
#include "tests/tools/launch/launcher.h"
#include "tools/launcher/messages.h"

namespace convoy::launcher {
namespace {

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
    std::vector<Message> said;
    std::string message;
  };
  using enum MessageKind;
  const TempFile hosts("alpha slots=2\n");
  const Message hello{kHello, 1};
  const std::vector<Case> cases = {
      {{{kHello, 70000}}, "expected a port from host 'alpha', got 70000"},
      {{{kHello, -1}}, "expected a port from host 'alpha', got -1"},
      {{{kHello, 0}},
       "expected a TCP port that is free on host 'alpha', got none; name one with --port"},
      {{hello, {kRefused, 256, "no\033[2J"}}, "host 'alpha': no\\x1b[2J"},
      {{hello, {kStarted, 0, "\033[m"}},
       "expected a process id of worker 0 from host 'alpha', got '\\x1b[m'"},
      {{hello, {kEnded, 0, "\0337"}},
       "expected the status of worker 0 from host 'alpha', got '\\x1b7'"},
      // Worker 0 has ended, and once more. There are two, so that the job goes on.
      {{hello, {kEnded, 0, "0"}, {kEnded, 0, "0"}},
       "host 'alpha' reported the end of worker 0 twice"},
      {{hello, {kEnded, 2, "0"}}, "host 'alpha' reported on worker 2, which does not run there"},
      {{hello, {kPing, 0}}, "host 'alpha' sent a message that only the launcher sends"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.message);
    const TempFile ssh(SilentAgent(c.said), /*executable=*/true);
    const ProcessResult result = Run({"--hosts", hosts.path(), "--ssh", ssh.path()}, "true");
    CHECK(result.status == 1);
    CHECK(result.err == "error: [tools/launch] " + c.message + "\n");
  }
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

}  // namespace
}  // namespace convoy::launcher
