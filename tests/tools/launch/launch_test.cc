// tools/launch as its users see it: what workers get, what they print, and what is left of them.
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>

#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "parallel/launch/env/launcher_env.h"
#include "tests/models/trainers/subprocess.h"
#include "tests/tools/launch/launcher.h"

namespace convoy::launcher {
namespace {

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
    const std::optional<launch::LauncherEnv> job = launch::ReadLauncherEnv(env, {});
    REQUIRE(job);
    CHECK(job->rank == rank);
    CHECK(job->size == 3);
    CHECK(job->local_rank == rank);
    CHECK(job->local_size == 3);
    CHECK(job->launcher == "tools/launch");
    CHECK(job->place.kind == rendezvous::MeetingPlace::Kind::kLocal);
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

}  // namespace
}  // namespace convoy::launcher
