// Trainers that are given what is no file, or names made to harm, and outputs that take no more:
// real processes.
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "tests/models/trainers/timeline.h"
#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

using Catch::Contains;

/// The command in a shell, after `before`.
Arguments InShell(const std::string& before, const Arguments& command,
                  const std::string& after = "") {
  std::string line = before + "; exec";
  for (const std::string& word : command) line += " '" + word + "'";
  return {"/bin/bash", "-c", line + " " + after};
}

TEST_CASE_METHOD(TrainerFixture,
                 "A pipe for data or weights is refused at once, with the way out") {
  const std::string pipe = folder() / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  for (const Program& program : Programs()) {
    for (const std::string flag : {"--data", "--init", "--bucket-plan"}) {
      if (program.name == "mnist" && flag == "--data") continue;  // a folder
      CAPTURE(program.name, flag);
      const ProcessResult result = RunProcess(Command(program, {"--steps", "1", flag, pipe}));
      CHECK(result.status == 1);
      CHECK_THAT(result.err, Contains("'" + pipe + "' is a pipe, and a file is expected") &&
                                 Contains("write them to a file first"));
    }
  }
  // One of the four files in the folder.
  std::filesystem::remove(folder() / "train-images-idx3-ubyte");
  REQUIRE(mkfifo((folder() / "train-images-idx3-ubyte").c_str(), 0600) == 0);
  const ProcessResult mnist = RunProcess(Command(Programs()[1], {"--steps", "1"}));
  CHECK(mnist.status == 1);
  CHECK_THAT(mnist.err, Contains("train-images-idx3-ubyte' is a pipe, and a file is expected"));
  // What a shell makes of a command's output.
  Arguments gpt = Command(Programs()[0], {"--steps", "1"});
  std::string line = "exec";
  for (const std::string& word : gpt) line += " '" + word + "'";
  line += " --data <(cat '" + folder() / "text" + "')";
  const ProcessResult substituted = RunProcess({"/bin/bash", "-c", line});
  CHECK(substituted.status == 1);
  CHECK_THAT(substituted.err, Contains("is a pipe, and a file is expected"));
}

TEST_CASE_METHOD(TrainerFixture, "A sample of a text with control characters moves no cursor") {
  std::string text;
  for (int i = 0; i < 400; ++i)
    text +=
        "\x1b[31m\x1b]0;t\x07\xc2\x9b"
        "1A\n";
  const ProcessResult result =
      RunProcess(Command(Programs()[0], {"--data", folder().Write("escapes", text), "--steps", "20",
                                         "--sample", "200", "--workers", "1"}));
  INFO(result.err);
  CHECK(result.status == 0);
  CHECK_THAT(result.out, Contains("A sample") && Contains("\\x1b"));
  for (const char* control : {"\x1b", "\x07", "\xc2\x9b"}) {
    CHECK(result.out.find(control) == result.out.npos);
  }
}

TEST_CASE_METHOD(TrainerFixture,
                 "A timeline without room costs neither run nor model, and is told") {
#if defined(__SANITIZE_THREAD__)
  std::puts("SKIPPED: limits to the size of files: ThreadSanitizer keeps files of its own");
#else
  const std::string model = folder() / "model", timeline = folder() / "timeline";
  const ProcessResult result = RunProcess(InShell(
      "ulimit -f 100",
      Command(Programs()[1], {"--workers", "2", "--threads", "1", "--steps", "400", "--timeline",
                              timeline, "--timeline-steps", "0", "--save", model})));
  INFO(result.out << result.err);
  CHECK(result.status == 1);
  CHECK_THAT(result.err, Contains("warning: [timeline] cannot write '" + timeline + "'") &&
                             Contains("File too large; it ends here") &&
                             Contains("the run is complete, but its timeline is not"));
  CHECK_THAT(result.out, Contains("Finished 400 of 400 steps"));
  CHECK_FALSE(SafetensorsFile(model).entries().empty());
  CHECK(ReadTimeline(timeline).names.contains("step 1"));
#endif
}

TEST_CASE_METHOD(TrainerFixture, "A run that a signal stops says what it could not write") {
#if defined(__SANITIZE_THREAD__)
  std::puts("SKIPPED: limits to the size of files: ThreadSanitizer keeps files of its own");
#else
  const std::string errors = folder() / "errors";
  Subprocess run(
      InShell("ulimit -f 100",
              Command(Programs()[1], {"--workers", "2", "--threads", "1", "--steps", "100000000",
                                      "--eval-every", "0", "--timeline", folder() / "timeline",
                                      "--timeline-steps", "0", "--metrics", folder() / "metrics"}),
              "2> '" + errors + "'"));
  const auto says = [&](const char* text) {
    return Content(errors).find(text) != std::string::npos;
  };
  for (int i = 0; i < 6000 && !(says("[timeline] cannot write") && says("[--metrics] cannot"));
       ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  run.Signal(SIGTERM);
  CHECK(run.Wait().status == 128 + SIGTERM);
  CHECK_THAT(Content(errors),
             Contains("warning: [--timeline] the run has ended, but its timeline is not: '") &&
                 Contains("warning: [--metrics] the run has ended, but its metrics are not: "));
#endif
}

TEST_CASE_METHOD(TrainerFixture, "A long run whose output nobody can take saves its model") {
  // More than any buffer holds.
  const ProcessResult result = RunProcess(
      InShell(":",
              Command(Programs()[1], {"--workers", "1", "--threads", "1", "--steps", "300",
                                      "--eval-every", "1", "--save", folder() / "model"}),
              "> /dev/full"));
  INFO(result.err);
  CHECK(result.status == 1);
  CHECK_THAT(result.err, Contains("[output] writing to standard output failed"));
  CHECK_FALSE(SafetensorsFile(folder() / "model").entries().empty());
}

}  // namespace
}  // namespace convoy
