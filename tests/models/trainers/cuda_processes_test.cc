// The trainers on GPUs, as jobs of several processes that a launcher has started.
#include <signal.h>

#include <catch2/catch.hpp>

#include "tests/gpu.h"
#include "tests/models/trainers/job.h"
#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

const Arguments kSgd{"--device", "cuda",    "--optimizer", "sgd",      "--lr",
                     "0.1",      "--decay", "constant",    "--warmup", "0",
                     "--steps",  "10",      "--threads",   "1"};

// Against one worker, and bit by bit against processes that the trainer has started itself.
TEST_CASE_METHOD(TrainerFixture, "N processes of a launcher train on GPUs as one worker does") {
  CONVOY_NEED_GPUS(2);
  for (const Program& program : Programs()) {
    Run(program, "one", Joined(kSgd, {"--workers", "1"}));
    for (const int workers : {2, 4}) {
      if (!HaveGpus(workers)) break;
      Run(program, "own", Joined(kSgd, {"--workers", std::to_string(workers)}));
      for (const Starter& starter : Starters()) {
        if (!starter.Installed()) continue;
        CAPTURE(starter.name, program.name, workers);
        const Arguments command = Command(program, Joined(kSgd, {"--save", Saved("processes")}));
        const auto results = Job(starter.command_lines(workers, command)).Wait();
        INFO(Said(results));
        for (const ProcessResult& result : results) REQUIRE(result.status == 0);
        CHECK_THAT(results[0].out, Catch::Contains(std::to_string(workers) + " on cuda, ") &&
                                       Catch::Contains("(nccl)"));
        CHECK(Difference(Saved("one"), Saved("processes")) < 1e-5);
        CHECK(Content(Saved("own")) == Content(Saved("processes")));
        std::remove(Saved("processes").c_str());
      }
    }
  }
}

TEST_CASE_METHOD(TrainerFixture, "A signal to the launcher of a job on GPUs lets it save") {
  CONVOY_NEED_GPUS(2);
  for (const char* name : {"tools/launch", "Open MPI", "MPICH"}) {
    const Starter& starter = FindStarter(name);
    if (!starter.Installed()) continue;
    CAPTURE(name);
    Job job(starter.command_lines(2, Command(Programs()[0], {"--device", "cuda", "--threads", "1",
                                                             "--steps", "100000000", "--eval-every",
                                                             "0", "--save", Saved("stopped")})),
            kPatientOpenMpi);
    REQUIRE(job[0].WaitForOutput("ms/step"));
    const int signal = starter.name == "MPICH" ? SIGINT : SIGTERM;
    job[0].Signal(signal);
    const auto results = job.Wait();
    INFO(Said(results));
    if (starter.PassesStatusOn()) CHECK(results[0].status == 128 + signal);
    CHECK_THAT(results[0].out, Catch::Contains("Stopped after "));
    CHECK_FALSE(SafetensorsFile(Saved("stopped")).entries().empty());
    std::remove(Saved("stopped").c_str());
  }
}

}  // namespace
}  // namespace convoy
