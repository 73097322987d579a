// Limits that the system sets to threads and connections: errors that name the limit, and no abort.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "tests/models/trainers/job.h"
#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

using Catch::Contains;

constexpr char kSetpriv[] = "/usr/bin/setpriv";

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitizer = true;  // these want threads for themselves
#else
constexpr bool kSanitizer = false;
#endif

// Whether processes of a user without other processes can be had.
bool CanLimitThreads() {
  if (!kSanitizer && geteuid() == 0 && access(kSetpriv, X_OK) == 0) return true;
  std::printf("SKIPPED: a limit to a user's threads: wants root, setpriv and no sanitizer\n");
  return false;
}

// Runs it as a user of its own who may have `threads` threads, wherever the program lies.
Arguments WithThreads(int threads, const Arguments& command) {
  Arguments rest(command.begin() + 1, command.end());
  static int user = 60000 + getpid() % 5000;
  ++user;  // the last one's may not have ended yet
  return Joined(
      {"/bin/bash", "-c",
       fmt::format("exec 9< '{}'; ulimit -c 0; ulimit -u {}; exec {} --reuid={} --regid={} "
                   "--clear-groups /proc/self/fd/9 \"$@\"",
                   command[0], threads, kSetpriv, user, user),
       "bash"},
      rest);
}

Arguments Mnist(const Arguments& more) {
  return Joined({"models/trainers/mnist", "--device", "cpu", "--steps", "2", "--hidden", "16"},
                more);
}

TEST_CASE("Threads that the system does not start are an error with the way out") {
  if (!CanLimitThreads()) return;
  int refused = 0, trained = 0;
  for (const int threads : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16}) {
    const ProcessResult result =
        RunProcess(WithThreads(threads, Mnist({"--workers", "2", "--threads", "3"})));
    CAPTURE(threads, result.out, result.err);
    CHECK(result.status <= 1);
    CHECK((result.status == 0 || result.err.find("ulimit -u") != std::string::npos));
    ++(result.status == 0 ? trained : refused);
  }
  CHECK(refused >= 4);
  CHECK(trained >= 1);
}

TEST_CASE("One of two processes that gets no threads ends the job with the way out") {
  if (!CanLimitThreads()) return;
  for (const size_t limited : {size_t{0}, size_t{1}}) {
    int refused = 0, trained = 0;
    for (const int threads : {1, 2, 3, 4, 10}) {
      auto lines = FindStarter("tcp").command_lines(2, Mnist({"--threads", "2", "--timeout", "8"}));
      // env, its two or more variables, the trainer
      Arguments& line = lines[limited];
      const auto program = std::find(line.begin(), line.end(), "models/trainers/mnist");
      line = Joined(Arguments(line.begin(), program),
                    WithThreads(threads, Arguments(program, line.end())));
      const auto results = Job(lines).Wait();
      INFO(Said(results));
      CAPTURE(limited, threads);
      for (const ProcessResult& result : results) CHECK(result.status <= 1);
      if (results[0].status + results[1].status == 0) {
        ++trained;
        continue;
      }
      ++refused;
      CHECK_THAT(results[0].err + results[1].err, Contains("ulimit -u"));
    }
    CHECK(refused >= 3);
    CHECK(trained >= 1);
  }
}

Arguments WithFiles(const std::string& limit, const Arguments& command) {
  return Joined({"/bin/bash", "-c", "ulimit " + limit + "; exec \"$@\"", "bash"}, command);
}

TEST_CASE("Every worker raises its own soft limit of files before it connects to all others") {
  auto lines = FindStarter("local").command_lines(6, Mnist({"--threads", "1"}));
  for (Arguments& line : lines) line = WithFiles("-Sn 24", line);
  const auto results = Job(lines).Wait();
  INFO(Said(results));
  for (const ProcessResult& result : results) CHECK(result.status == 0);
}

TEST_CASE("Too few files for the connections to all others are an error that names the limit") {
  for (const size_t limited : {size_t{0}, size_t{3}}) {
    auto lines =
        FindStarter("local").command_lines(6, Mnist({"--threads", "1", "--timeout", "20"}));
    lines[limited] = WithFiles(limited == 0 ? "-n 16" : "-n 11", lines[limited]);
    const auto results = Job(lines).Wait();
    INFO(Said(results));
    std::string errors;
    for (const ProcessResult& result : results) {
      CHECK(result.status == 1);
      errors += result.err;
    }
    CHECK_THAT(errors, Contains("ulimit -n"));
  }
}

}  // namespace
}  // namespace convoy
