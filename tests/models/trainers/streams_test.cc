// Programs that are started with standard streams closed, as some daemons do.
#include <filesystem>

#include "tests/json.h"
#include "tests/models/trainers/job.h"
#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

const std::vector<std::string> kClosings{">&-", "<&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"};

Arguments Closed(const std::string& closing, const Arguments& command) {
  return Joined({"/bin/sh", "-c", "exec \"$@\" " + closing, "sh"}, command);
}

class StreamsFixture : public TrainerFixture {
 public:
  static inline const Arguments kShort{"--steps", "4", "--threads", "1"};

  /// All that is in the files are metrics, and a model.
  void CheckFiles(const std::string& tag) const {
    const auto metrics = Metrics(tag);
    CHECK(metrics.size() == 4);
    for (const auto& line : metrics) CHECK(line.contains("loss"));
    CHECK(Content(Saved(tag)) == Content(Saved("open")));
  }

  Arguments Files(const std::string& tag) const {
    return {"--save", Saved(tag), "--metrics", folder() / (tag + ".metrics")};
  }
};

TEST_CASE_METHOD(StreamsFixture,
                 "A trainer with closed standard streams writes into no other file") {
  const Program program = Programs()[1];
  const Arguments flags = Joined(kShort, {"--workers", "2"});
  Run(program, "open", flags);
  for (const std::string& closing : kClosings) {
    CAPTURE(closing);
    const ProcessResult result =
        RunProcess(Closed(closing, Command(program, Joined(flags, Files("closed")))));
    INFO(result.out << result.err);
    CHECK(result.status == 0);
    CheckFiles("closed");
  }
}

TEST_CASE_METHOD(StreamsFixture, "One of two processes with closed standard streams") {
  const Program program = Programs()[1];
  Run(program, "open", Joined(kShort, {"--workers", "2"}));
  for (const char* starter : {"local", "file", "tcp"}) {
    for (const std::string& closing : kClosings) {
      for (const size_t rank : {size_t{0}, size_t{1}}) {
        CAPTURE(starter, closing, rank);
        auto lines = FindStarter(starter).command_lines(
            2, Command(program, Joined(kShort, Files("closed"))));
        lines[rank] = Closed(closing, lines[rank]);
        const auto results = Job(lines).Wait();
        INFO(Said(results));
        for (const ProcessResult& result : results) CHECK(result.status == 0);
        CheckFiles("closed");
      }
    }
  }
}

TEST_CASE_METHOD(StreamsFixture, "An error is the exit status, where nobody can read it") {
  const Arguments wrong = Command(Programs()[1], {"--data", folder() / "none"});
  for (const char* error : {"2>&-", "2>/dev/full", ">&- 2>&-"}) {
    CAPTURE(error);
    CHECK(RunProcess(Closed(error, wrong)).status == 1);
    CHECK(RunProcess(Closed(error, Joined(wrong, {"--no-such-flag"}))).status == 2);
  }
}

TEST_CASE_METHOD(StreamsFixture, "Other programs with closed standard streams") {
  for (const std::string& closing : kClosings) {
    CAPTURE(closing);
    const std::string table = folder() / "table.json";
    const Arguments measure{"tools/collectives/allreduce",
                            "--device",
                            "cpu",
                            "--workers",
                            "2",
                            "--threads",
                            "1",
                            "-b",
                            "64",
                            "-e",
                            "256",
                            "-f",
                            "2",
                            "-n",
                            "2"};
    const ProcessResult result = RunProcess(Closed(closing, Joined(measure, {"--json", table})));
    INFO(result.out << result.err);
    CHECK(result.status == 0);
    CHECK_NOTHROW(ParseJson(Content(table)));
    std::filesystem::remove(table);

    const Arguments launched =
        FindStarter("tools/launch").command_lines(2, Joined(measure, {"--json", table}))[0];
    const ProcessResult job = RunProcess(Closed(closing, launched));
    INFO(job.out << job.err);
    CHECK(job.status == 0);
    CHECK_NOTHROW(ParseJson(Content(table)));
    std::filesystem::remove(table);
  }
}

}  // namespace
}  // namespace convoy
