// --timeline: what every worker did and when, in one file.
#include "tests/models/trainers/timeline.h"

#include <signal.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "tests/models/trainers/job.h"
#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

using Catch::Contains;

TEST_CASE_METHOD(TrainerFixture, "A row for each worker and stream, with all parts of a step") {
  for (const Program& program : Programs()) {
    CAPTURE(program.name);
    const std::string path = folder() / "timeline.json";
    Run(program, "timed",
        {"--workers", "2", "--steps", "6", "--bucket-mb", "0.001", "--timeline", path,
         "--eval-every", "3"});
    const TimelineEvents events = ReadTimeline(path);
    CHECK(events.processes.size() == 2);
    CHECK_THAT(events.processes.at(1), Contains("worker 1 on "));
    CHECK(events.rows.at({0, 1}) == "compute (cpu:0)");
    CHECK(events.rows.at({1, 2}) == "communication (inprocess)");
    for (const char* name :
         {"step 1", "step 6", "load", "forward", "backward", "optimizer", "evaluation", "save",
          "start bucket 0", "wait for bucket 1", "allreduce bucket 0", "allreduce bucket 1"}) {
      CAPTURE(name);
      CHECK(events.names.contains(name));
    }
    // One sum is one sum on all rows.
    CHECK(BeginOf(events, 0, "allreduce bucket 0") ==
          Approx(BeginOf(events, 1, "allreduce bucket 0")).margin(1000));
  }
}

TEST_CASE_METHOD(TrainerFixture, "Of a long run the first steps") {
  const std::string path = folder() / "timeline.json";
  Run(Programs()[1], "some", {"--steps", "9", "--timeline", path, "--timeline-steps", "4"});
  const TimelineEvents events = ReadTimeline(path);
  CHECK(events.names.contains("step 4"));
  CHECK(events.names.count("step 5") == 0);
}

TEST_CASE_METHOD(TrainerFixture, "Clocks that differ are brought together") {
  // A time namespace has a monotonic clock of its own: the second worker's is 1000 s ahead.
  if (std::system("unshare --time --monotonic 1000 true 2>/dev/null") != 0) {
    std::puts("SKIPPED: this machine lets nobody have a clock of their own (unshare --time)");
    return;
  }
  const std::string path = folder() / "timeline.json", name = UniqueName();
  const Arguments command = Command(
      Programs()[0], {"--threads", "1", "--steps", "5", "--timeline", path, "--sample", "0"});
  const Arguments ahead = Joined({"/usr/bin/unshare", "--time", "--monotonic", "1000"}, command);
  Job job({BareWorker(0, 2, name, command), BareWorker(1, 2, name, ahead)});
  for (const ProcessResult& result : job.Wait()) {
    INFO(result.out << result.err);
    REQUIRE(result.status == 0);
  }
  const TimelineEvents events = ReadTimeline(path);
  REQUIRE(events.processes.size() == 2);
  // Backward of step 1 ends with a sum that neither has before the other has given its part.
  CHECK(std::abs(BeginOf(events, 0, "step 2") - BeginOf(events, 1, "step 2")) < 100e3);
}

TEST_CASE_METHOD(TrainerFixture, "A run that is killed leaves a whole file") {
  const std::string path = folder() / "timeline.json";
  for (int round = 0; round < 5; ++round) {
    std::filesystem::remove(path);
    const std::string name = UniqueName();
    const Arguments command =
        Command(Programs()[1], {"--threads", "1", "--steps", "1000000", "--timeline", path,
                                "--timeline-steps", "0", "--eval-every", "0"});
    Job job({BareWorker(0, 2, name, command), BareWorker(1, 2, name, command)});
    REQUIRE(job[0].WaitForOutput("ms/step"));
    std::this_thread::sleep_for(std::chrono::milliseconds(50 + 23 * round));
    job[0].Signal(SIGKILL);
    job[1].Signal(SIGKILL);
    job.Wait();
    const TimelineEvents events = ReadTimeline(path);
    CHECK(events.processes.size() == 2);
    CHECK(events.names.contains("step 1"));
  }
}

TEST_CASE_METHOD(TrainerFixture, "A timeline that cannot be written is refused before the run") {
  const ProcessResult folder_result =
      RunProcess(Command(Programs()[1], {"--steps", "1", "--timeline", folder().path()}));
  CHECK(folder_result.status == 1);
  CHECK_THAT(folder_result.err, Contains("[--timeline] '") && Contains("is a folder"));
  folder().Write("notes", "mine");
  const ProcessResult foreign =
      RunProcess(Command(Programs()[1], {"--steps", "1", "--timeline", folder() / "notes"}));
  CHECK(foreign.status == 1);
  CHECK_THAT(foreign.err, Contains("is not a timeline"));
  CHECK(Content(folder() / "notes") == "mine");
}

}  // namespace
}  // namespace convoy
