// Workers on GPUs that are processes of a launcher: which GPU each takes, and how they fail.
#include <fmt/format.h>
#include <signal.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "tests/gpu.h"
#include "tests/models/trainers/job.h"
#include "tests/parallel/transport/nccl/gpu_workers.h"
#include "tests/parallel/transport/nccl/scene.h"
#include "tests/parallel/transport/nccl/toy_training.h"

namespace convoy {
namespace {

using Catch::Contains;

std::string Errors(const std::vector<ProcessResult>& results) {
  std::string text;
  for (const ProcessResult& result : results) text += result.err;
  return text;
}

// One process for each of `variables`, started by nobody.
Job BareJob(const Scene& scene, const std::vector<std::string>& flags,
            const std::vector<std::vector<std::string>>& variables) {
  const std::string name = UniqueName();
  const int size = static_cast<int>(variables.size());
  std::vector<std::vector<std::string>> lines;
  for (int rank = 0; rank < size; ++rank) {
    lines.push_back(
        BareWorker(rank, size, name, scene.Command(flags, variables[static_cast<size_t>(rank)])));
  }
  return Job(lines);
}

TEST_CASE("Jobs: each process takes the GPU of its local rank") {
  CONVOY_NEED_GPUS(4);
  for (const Starter& starter : Starters()) {
    if (!starter.Installed()) continue;
    CAPTURE(starter.name);
    const auto results = Job(starter.command_lines(4, Scene("hello").Command({}))).Wait();
    INFO(Said(results));
    std::string out;
    for (const ProcessResult& result : results) {
      CHECK(result.status == 0);
      out += result.out;
    }
    for (int rank = 0; rank < 4; ++rank) {
      CHECK_THAT(out, Contains(fmt::format("rank {0} of 4 on cuda:{0}\n", rank)));
    }
  }
}

TEST_CASE("Jobs: a launcher may show each process a GPU of its own") {
  CONVOY_NEED_GPUS(2);
  const Scene scene("hello");
  const auto results =
      BareJob(scene, {}, {{"CUDA_VISIBLE_DEVICES=1"}, {"CUDA_VISIBLE_DEVICES=0"}}).Wait();
  INFO(Said(results));
  for (int rank = 0; rank < 2; ++rank) {
    CHECK(results[static_cast<size_t>(rank)].status == 0);
    CHECK(results[static_cast<size_t>(rank)].out == fmt::format("rank {} of 2 on cuda:0\n", rank));
  }
}

TEST_CASE("Jobs: processes that would share a GPU, or have none") {
  CONVOY_NEED_GPUS(2);
  const Scene scene("hello");
  const std::vector<std::string> first{"CUDA_VISIBLE_DEVICES=0"}, both{"CUDA_VISIBLE_DEVICES=0,1"};
  const auto fails = [&](Job job, const std::vector<std::string>& messages) {
    const auto results = job.Wait();
    INFO(Said(results));
    for (const ProcessResult& result : results) {
      CHECK(result.status == 1);
      CHECK(result.out.empty());
    }
    for (const std::string& message : messages) CHECK_THAT(Errors(results), Contains(message));
  };
  fails(BareJob(scene, {}, {first, first}),
        {"[Launch] workers ", " have the same GPU (",
         "), and each wants one of its own; start as many on a machine as it has GPUs, show each "
         "another one in CUDA_VISIBLE_DEVICES, or use --device cpu"});
  fails(BareJob(scene, {}, {both, both, both}),
        {"[Launch] the launcher has started 3 workers on this machine, and each wants a GPU of its "
         "own, but there are 2; start fewer, or use --device cpu"});
  fails(BareJob(scene, {"--device", "auto"}, {both, {"CUDA_VISIBLE_DEVICES="}}),
        {"[Launch] worker 0 computes on cuda, but worker 1 on cpu (",
         "); give --device cpu to all, or see to it that all have a GPU"});
}

TEST_CASE("Jobs: all train as one worker does") {
  CONVOY_NEED_GPUS(4);
  std::vector<float> expected;
  RunGpuWorkers(1, [&](Worker& worker) { expected = TrainToy(worker, {}); });
  for (const Starter& starter : Starters()) {
    if (!starter.Installed()) continue;
    for (const int workers : {2, 4}) {
      CAPTURE(starter.name, workers);
      const Scene scene("train");
      const auto results = Job(starter.command_lines(workers, scene.Command({}))).Wait();
      INFO(Said(results));
      for (const ProcessResult& result : results) CHECK(result.status == 0);
      for (int rank = 0; rank < workers; ++rank) CHECK(scene.Left(rank) == ToText(expected));
    }
  }
}

TEST_CASE("Jobs: every collective, in the group of all and in subgroups") {
  for (const int workers : {2, 3, 4, 8}) {
    CONVOY_NEED_GPUS(workers);
    CAPTURE(workers);
    const Scene scene("collectives");
    const auto results =
        Job(FindStarter("tools/launch").command_lines(workers, scene.Command({}))).Wait();
    INFO(Said(results));
    CHECK(results[0].status == 0);
    for (int rank = 0; rank < workers; ++rank) CHECK(scene.Left(rank) == "as expected");
  }
}

TEST_CASE("Jobs: a worker killed in the middle of a bucket is named, and ends all") {
  CONVOY_NEED_GPUS(4);
  for (const char* name : {"tools/launch", "local", "tcp"}) {
    for (const int victim : {0, 1, 3}) {
      CAPTURE(name, victim);
      const Scene scene("killed");
      const auto start = std::chrono::steady_clock::now();
      const auto results =
          Job(FindStarter(name).command_lines(
                  4, scene.Command({"--timeout", "60"}, {fmt::format("VICTIM={}", victim)})))
              .Wait();
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      INFO(Said(results));
      for (const ProcessResult& result : results) CHECK(result.status != 0);
      const std::string gone = fmt::format("[NCCL] worker {} has gone: ", victim);
      CHECK_THAT(Errors(results), Contains(gone));
      if (victim != 0) {
        CHECK_THAT(Errors(results), Contains(fmt::format("  worker {} has gone: ", victim)) ||
                                        Contains(fmt::format("  worker {}: has gone: ", victim)));
      }
      for (int rank = 0; rank < 4; ++rank) {
        if (rank != victim) CHECK_THAT(scene.Left(rank), Contains(gone));
      }
      CHECK(took.count() < 40);  // not the deadline
    }
  }
}

TEST_CASE("Jobs: a worker that is killed is not said to have done nothing") {
  CONVOY_NEED_GPUS(3);
  const Scene scene("dies");
  const auto results =
      Job(FindStarter("local").command_lines(3, scene.Command({}, {"VICTIM=2"}))).Wait();
  INFO(Said(results));
  const std::string& error = results[0].err;
  CHECK_THAT(error, Contains("\n  worker 2: has gone: "));
  // It may have gone before worker 0's own last sums had ended.
  CHECK_THAT(error,
             Contains("; before, it has started collective 4, sum 3, AllReduce of f32 ") ||
                 Contains("; before, it has started collective 3, sum 2, AllReduce of f32 "));
  CHECK_THAT(error, !Contains("has started no"));
}

TEST_CASE("Jobs: a worker that throws is the error; the others stop with it") {
  CONVOY_NEED_GPUS(3);
  const Scene scene("throws");
  const auto results = Job(FindStarter("local").command_lines(3, scene.Command({}))).Wait();
  INFO(Said(results));
  for (const ProcessResult& result : results) CHECK(result.status == 1);
  CHECK_THAT(results[0].err, Contains("error: [worker 1 of 3] disk full\n"));
  CHECK(results[1].err.empty());  // worker 0 has said it
  CHECK(results[2].err.empty());
  for (const int rank : {0, 2}) CHECK(scene.Left(rank) == "[worker 1 of 3] disk full");
}

TEST_CASE("Jobs: a worker that does not come is named after the deadline") {
  CONVOY_NEED_GPUS(3);
  for (const int victim : {1, 2}) {
    CAPTURE(victim);
    const Scene scene("missing");
    const auto results =
        Job(FindStarter("tools/launch")
                .command_lines(
                    3, scene.Command({"--timeout", "2"}, {fmt::format("VICTIM={}", victim)})))
            .Wait();
    INFO(Said(results));
    CHECK(results[0].status != 0);
    CHECK_THAT(results[0].err,
               Contains("bucket 0 (fc1.weight), AllReduce of f32 4096 (16.0 KiB), has not ended "
                        "within 2.") &&
                   Contains(fmt::format("worker {} is missing", victim)));
  }
}

TEST_CASE("Jobs: a worker that is stopped before it joins is named after the deadline") {
  CONVOY_NEED_GPUS(3);
  for (const int victim : {1, 2}) {
    CAPTURE(victim);
    const Scene scene("stops");
    const auto results =
        Job(FindStarter("tools/launch")
                .command_lines(
                    3, scene.Command({"--timeout", "3"}, {fmt::format("VICTIM={}", victim)})))
            .Wait();
    INFO(Said(results));
    CHECK(results[0].status != 0);
    CHECK_THAT(results[0].err,
               Contains(fmt::format("nothing was heard of worker {} for ", victim)));
  }
}

}  // namespace
}  // namespace convoy
