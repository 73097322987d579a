// tools/launch when a worker fails: which one is named as the cause, and how the others end.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>

#include "tests/models/trainers/subprocess.h"
#include "tests/tools/launch/launcher.h"

namespace convoy::launcher {
namespace {

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

TEST_CASE("A worker that leaves its error to another one is quoted from there") {
  const ProcessResult result = Run(
      {"--workers", "2"},
      "[ $RANK = 1 ] && exit 1; sleep 0.3; echo 'app: [worker 1 of 2] no such file' >&2; exit 1");
  CHECK(result.status == 1);
  CHECK_THAT(result.err,
             Catch::EndsWith("it ended with exit status 1; worker 0 said: app: [worker 1 of 2] no "
                             "such file\n"));
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

}  // namespace
}  // namespace convoy::launcher
