// The trainers on GPUs, as their users run them: real processes on tiny data.
#include <signal.h>

#include <catch2/catch.hpp>

#include "tests/gpu.h"
#include "tests/models/trainers/timeline.h"
#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

const Arguments kSgd{"--optimizer", "sgd", "--lr",   "0.1", "--decay", "constant",
                     "--warmup",    "0",   "--clip", "0",   "--steps", "8"};

TEST_CASE_METHOD(TrainerFixture, "N GPUs train as a CPU does, as processes and as threads") {
  CONVOY_NEED_GPUS(1);
  for (const Program& program : Programs()) {
    Run(program, "cpu", Joined(kSgd, {"--workers", "1"}));
    for (const char* workers : {"1", "2", "4"}) {
      if (!HaveGpus(std::stoi(workers))) break;
      for (const char* launch : {"processes", "threads"}) {
        CAPTURE(program.name, workers, launch);
        const ProcessResult result =
            Run(program, "gpu",
                Joined(kSgd, {"--device", "cuda", "--workers", workers, "--launch", launch}));
        CHECK(result.out.find(std::string("workers     ") + workers + " on cuda, ") !=
              std::string::npos);
        CHECK(Difference(Saved("cpu"), Saved("gpu")) < 1e-5);
        const auto cpu = Metrics("cpu"), gpu = Metrics("gpu");
        REQUIRE(gpu.size() == cpu.size());
        for (size_t i = 0; i < cpu.size();
             ++i) {  // every step's own numbers, read late as they are
          CHECK(gpu[i]["step"] == i + 1);
          for (const char* key : {"loss", "grad_norm"}) {
            CAPTURE(i, key);
            CHECK(gpu[i][key].get<double>() == Approx(cpu[i][key].get<double>()).epsilon(1e-4));
          }
          CHECK(gpu[i]["lr"] == cpu[i]["lr"]);
        }
        CHECK(gpu[7]["val_loss"].get<double>() ==
              Approx(cpu[7]["val_loss"].get<double>()).epsilon(1e-4));
      }
    }
  }
}

TEST_CASE_METHOD(TrainerFixture, "--timeline tells when the GPUs did it, also of recorded steps") {
  CONVOY_NEED_GPUS(2);
  const std::string path = folder() / "timeline.json";
  const Arguments flags{"--device", "cuda", "--workers", "2", "--steps", "8", "--timeline", path};
  Run(Programs()[0], "eager", flags);
  TimelineEvents events = ReadTimeline(path);
  CHECK(events.rows.at({1, 1}) == "compute (cuda:1)");
  CHECK(events.rows.at({0, 2}) == "communication (nccl)");
  for (const char* name : {"forward", "backward", "optimizer", "step 8", "allreduce bucket 0"}) {
    CAPTURE(name);
    CHECK(events.names.contains(name));
  }
  Run(Programs()[0], "graph", Joined(flags, {"--cuda-graph"}));
  events = ReadTimeline(path);
  CHECK(events.names.contains("step 8"));
}

TEST_CASE_METHOD(TrainerFixture, "--cuda-graph changes no bit") {
  CONVOY_NEED_GPUS(1);
  for (const Program& program : Programs()) {
    for (const auto& [dtype, workers] :
         {std::pair{"f32", "1"}, std::pair{"bf16", "2"}, std::pair{"f16", "2"}}) {
      if (HaveGpus(std::stoi(workers))) {
        CAPTURE(program.name, dtype, workers);
        // mnist's epochs end in a short batch: a second shape.
        const Arguments flags{"--device",  "cuda",  "--steps",      "16", "--dtype",         dtype,
                              "--workers", workers, "--eval-every", "6",  "--micro-batches", "2",
                              "--dropout", "0.1"};
        Run(program, "eager", flags);
        const ProcessResult result = Run(program, "graph", Joined(flags, {"--cuda-graph"}));
        CHECK(result.out.find("graph ") != std::string::npos);
        CHECK(Content(Saved("eager")) == Content(Saved("graph")));
        const auto eager = Metrics("eager"), graph = Metrics("graph");
        REQUIRE(graph.size() == eager.size());
        for (size_t i = 0; i < eager.size(); ++i) {
          CHECK(graph[i]["loss"] == eager[i]["loss"]);
          CHECK(graph[i]["lr"] == eager[i]["lr"]);
        }
      }
    }
  }
}

TEST_CASE_METHOD(TrainerFixture, "Without a GPU: auto says why it took the CPU, cuda is an error") {
  const Program mnist = Programs()[1];
  const ProcessResult fallback =
      RunProcess(WithoutGpu(Command(mnist, {"--device", "auto", "--steps", "1"})));
  CHECK(fallback.status == 0);
  CHECK(fallback.out.find(" on cpu") != std::string::npos);
  CHECK(fallback.out.find("\n  no GPU      ") != std::string::npos);
  const ProcessResult error =
      RunProcess(WithoutGpu(Command(mnist, {"--device", "cuda", "--steps", "1"})));
  CHECK(error.status == 1);
  CHECK(error.out.empty());
  CHECK_THAT(error.err, Catch::StartsWith("mnist: [Launch] --device cuda: no GPU can be used: ") &&
                            Catch::EndsWith("; use --device cpu\n"));
}

TEST_CASE_METHOD(TrainerFixture, "Ctrl-C ends a run on GPUs as it does on a CPU") {
  CONVOY_NEED_GPUS(2);
  for (const char* launch : {"processes", "threads"}) {
    CAPTURE(launch);
    Subprocess process(Command(
        Programs()[0], {"--device", "cuda", "--launch", launch, "--steps", "100000000", "--workers",
                        "2", "--eval-every", "0", "--save", Saved("stopped")}));
    REQUIRE(process.WaitForOutput("ms/step"));
    process.Signal(SIGINT);
    const ProcessResult result = process.Wait();
    INFO(result.out << result.err);
    CHECK(result.status == 128 + SIGINT);
    CHECK(result.out.find("Stopped after ") != std::string::npos);
    CHECK_FALSE(SafetensorsFile(Saved("stopped")).entries().empty());
  }
}

TEST_CASE_METHOD(TrainerFixture, "Gradients that are not finite: the parameter and the step") {
  CONVOY_NEED_GPUS(2);
  const Arguments flags{"--device", "cuda",    "--steps",  "12",        "--lr",
                        "1e30",     "--decay", "constant", "--workers", "2"};
  const Program mnist = Programs()[1];
  const ProcessResult stopped = RunProcess(Command(mnist, flags));
  CHECK(stopped.status == 1);
  CHECK_THAT(stopped.err,
             Catch::Contains("[train] step 2: ") || Catch::Contains("[train] step 3: "));
  CHECK_THAT(stopped.err, Catch::Contains("(first in 'layers."));
  Run(mnist, "skip", Joined(flags, {"--on-non-finite", "skip"}));
  CHECK(Metrics("skip").size() == 12);
  CHECK(Metrics("skip")[11]["skipped"] == true);
}

}  // namespace
}  // namespace convoy
