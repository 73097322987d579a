// tools/launch and its command line: what is refused, with which words, and --help.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/models/trainers/subprocess.h"
#include "tests/tools/launch/launcher.h"

namespace convoy::launcher {
namespace {

ProcessResult RunRaw(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), kLauncher);
  return RunProcess(arguments);
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
}  // namespace convoy::launcher
