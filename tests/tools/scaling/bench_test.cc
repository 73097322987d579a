// tools/scaling_bench as its users run it: real processes.
#include <signal.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/models/trainers/job.h"
#include "tests/models/trainers/timeline.h"
#include "tests/models/trainers/trainer_fixture.h"
#include "tools/scaling/report/json.h"

namespace convoy::scaling {
namespace {

using Catch::Contains;

const std::string kProgram = "tools/scaling/scaling_bench";
const Arguments kSynthetic{"--device",  "cpu",      "--threads", "1",       "--model",
                           "synthetic", "--layers", "6x20k:2ms", "--steps", "6",
                           "--rounds",  "2",        "--warmup",  "1"};

Arguments Bench(const Arguments& more) { return Joined({kProgram}, more); }
Arguments Synthetic(const Arguments& more) { return Bench(Joined(kSynthetic, more)); }

ScalingResults Saved(const std::string& path) {
  return ParseScalingJson(Content(path), path).results.value();
}

void CheckMeasurements(const ScalingResults& results, const std::vector<int>& counts) {
  REQUIRE(results.measurements.size() == counts.size());
  for (size_t i = 0; i < counts.size(); ++i) {
    const Measurement& m = results.measurements[i];
    CAPTURE(m.workers);
    CHECK(m.workers == counts[i]);
    CHECK(m.steps == 6);
    CHECK(m.split.forward >= 5.5);  // layers sleep, and catch up if they were late
    CHECK(m.split.backward >= 11);
    CHECK(m.step_without_communication.median >= 17);
    CHECK(m.by_worker.size() == static_cast<size_t>(counts[i]));
    CHECK(m.buckets.size() == results.measurements[0].buckets.size());
    for (const BucketTimes& bucket : m.buckets) {
      CHECK(bucket.ready <= bucket.start);
      CHECK(bucket.start <= bucket.end);
      if (m.workers > 1) CHECK(bucket.busbw_gb_per_s > 0);
    }
    CHECK(m.efficiency == Approx(m.units_per_s / results.measurements[0].units_per_s / m.workers *
                                 results.measurements[0].workers));
  }
}

TEST_CASE("In one process: all files, which can be shown again") {
  const TemporaryFolder folder;
  const ProcessResult result = RunProcess(Synthetic(
      {"--workers", "3", "--json", folder / "a.json", "--csv", folder / "a.csv", "--html",
       folder / "a.html", "--svg", folder / "a.svg", "--timeline", folder / "t.json",
       "--save-profile", folder / "profile.toml", "--predict", "2,3,8", "--links", "ethernet-1g"}));
  INFO(result.out << result.err);
  REQUIRE(result.status == 0);
  CheckMeasurements(Saved(folder / "a.json"), {1, 2, 3});
  for (const char* text :
       {"synthetic, 6 layers, 0.12 M parameters", "Efficiency", "bucket 0", "The slowest worker",
        "Predicted, not measured", "Measured beside predicted"}) {
    CHECK_THAT(result.out, Contains(text));
  }
  CHECK_THAT(Content(folder / "a.html"), Contains("<svg") && Contains("6 layers"));
  CHECK_THAT(Content(folder / "a.csv"), Contains("synthetic"));
  CHECK_THAT(Content(folder / "a.buckets.csv"), Contains("bucket 0"));
  CHECK(ReadTimeline(folder / "t.json").processes.size() == 3);

  const ProcessResult again =
      RunProcess(Bench({"--from", folder / "a.json", "--html", folder / "b.html"}));
  INFO(again.err);
  CHECK(again.status == 0);
  CHECK(Content(folder / "b.html") == Content(folder / "a.html"));

  const ProcessResult predicted = RunProcess(
      Bench({"--profile", folder / "profile.toml", "--predict", "8", "--links", "ethernet-1g"}));
  INFO(predicted.err);
  CHECK(predicted.status == 0);
  CHECK_THAT(predicted.out, Contains("synthetic, 6 layers"));
}

TEST_CASE("In several processes, by every launcher there is") {
  for (const Starter& starter : Starters()) {
    if (!starter.Installed()) continue;
    CAPTURE(starter.name);
    const TemporaryFolder folder;
    Job job(starter.command_lines(2, Synthetic({"--json", folder / "a.json"})));
    for (const ProcessResult& result : job.Wait()) {
      INFO(result.out << result.err);
      REQUIRE(result.status == 0);
    }
    const ScalingResults results = Saved(folder / "a.json");
    CHECK(results.transport == "gloo");
    CheckMeasurements(results, {1, 2});
  }
}

TEST_CASE(
    "Counts that do not begin at one worker: speed-ups are of the fewest, times their number") {
  const TemporaryFolder folder;
  const ProcessResult result =
      RunProcess(Synthetic({"--counts", "2,3", "--oversubscribe", "--json", folder / "a.json"}));
  INFO(result.out << result.err);
  REQUIRE(result.status == 0);
  const auto all = Saved(folder / "a.json").measurements;
  REQUIRE(all.size() == 2);
  CHECK(all[0].workers == 2);
  CHECK(all[0].speedup == 2);
  CHECK(all[0].efficiency == 1);
  CHECK(all[1].workers == 3);
  CHECK(all[1].speedup == Approx(2 * all[1].units_per_s / all[0].units_per_s));
  CHECK(all[1].efficiency == Approx(all[1].speedup / 3));
}

TEST_CASE("Models of the project, weak and strong") {
  const TemporaryFolder folder;
  for (const char* model : {"gpt_cpu", "mlp"}) {
    for (const char* mode : {"weak", "strong"}) {
      CAPTURE(model, mode);
      const ProcessResult result = RunProcess(Bench({"--device",
                                                     "cpu",
                                                     "--threads",
                                                     "1",
                                                     "--model",
                                                     model,
                                                     "--mode",
                                                     mode,
                                                     "--batch",
                                                     "4",
                                                     "--workers",
                                                     "2",
                                                     "--oversubscribe",
                                                     "--steps",
                                                     "2",
                                                     "--rounds",
                                                     "1",
                                                     "--warmup",
                                                     "1",
                                                     "--json",
                                                     folder / "a.json"}));
      INFO(result.out << result.err);
      REQUIRE(result.status == 0);
      const auto all = Saved(folder / "a.json").measurements;
      REQUIRE(all.size() == 2);
      const double factor = std::string(mode) == "weak" ? 2 : 1;
      CHECK(all[1].units_per_step == factor * all[0].units_per_step);
      CHECK_THAT(result.out, Contains("only 2 steps were timed"));
    }
  }
}

TEST_CASE("A plan that was advised is used") {
  const TemporaryFolder folder;
  const ProcessResult advised =
      RunProcess(Synthetic({"--counts", "1", "--predict", "4", "--links", "ethernet-100m",
                            "--write-plan", folder / "plan.toml"}));
  INFO(advised.out << advised.err);
  REQUIRE(advised.status == 0);
  const ProcessResult used = RunProcess(
      Synthetic({"--counts", "2", "--bucket-plan", folder / "plan.toml", "--json", folder / "a"}));
  INFO(used.out << used.err);
  REQUIRE(used.status == 0);
  const std::string plan = Content(folder / "plan.toml");
  size_t buckets = 0;
  for (size_t at = 0; (at = plan.find("[[bucket]]", at)) != std::string::npos; ++at) ++buckets;
  CHECK(Saved(folder / "a").measurements[0].buckets.size() == buckets);
}

TEST_CASE("Wrong flags and files are refused with the reason, before anything is measured") {
  const TemporaryFolder folder;
  folder.Write("links",
               "name = \"x\"\nsource = \"y\"\n[[level]]\nname = \"z\"\n"
               "bandwidth_gb_per_s = -1\nlatency_us = 1\n");
  folder.Write("plan", "[[bucket]]\nparameters = [\"layers.5\", \"nobody\"]\n");
  folder.Write("json", "[]");
  const struct {
    Arguments arguments;
    std::string message;
  } kWrong[] = {
      {{"--counts", "0"}, "[--counts] wants numbers of at least 1, got 0"},
      {{"--counts", "1,4", "--workers", "2"},
       "[--counts] 4 workers cannot be measured: --workers says 2"},
      {{"--model", "gpt_cpu", "--device", "cpu", "--threads", "1", "--counts", "1,999"},
       "[--counts] 999 workers of 1 thread want 999 cores, but this machine has "},
      {{"--model", "synthetic"}, "[--layers] goes with --model synthetic"},
      {{"--model", "mlp", "--layers", "5:1"}, "[--layers] goes with --model synthetic"},
      {{"--model", "synthetic", "--layers", "5"}, "expected ':' and the time of backward"},
      {{"--mode", "strong"}, "[--mode] strong wants --batch"},
      {{"--model", "mlp", "--device", "cpu", "--threads", "1", "--mode", "strong", "--batch", "3",
        "--counts", "1,2", "--oversubscribe", "--steps", "100000000"},
       "[scaling] 3 samples cannot be divided among 2 workers"},
      {{"--rounds", "9", "--steps", "3"}, "[--rounds] 9 rounds want at least as many --steps"},
      {{"--predict", "8"}, "[--predict] wants --links: a file, or one of "},
      {{"--links", "ethernet-1g"}, "[--predict] say for how many workers"},
      {{"--profile", "resnet50"}, "[--predict] say for how many workers"},
      {{"--predict", "8", "--links", folder / "links"}, "links:5: "},
      {{"--predict", "8", "--links", folder / "none"}, "none"},
      {Joined(kSynthetic, {"--bucket-plan", folder / "plan"}), "nobody"},
      {{"--html", folder / "none/a.html"}, "[--html] cannot write '"},
      {{"--json", folder.path()}, "is a folder; give the name of a file"},
      {{"--timeline", folder / "none/t"}, "[--timeline] cannot write '"},
      {{"--from", folder / "none"}, "[--from] cannot open '"},
      {{"--from", folder / "json"}, "json"},
      {{"--model", "bert"}, "bert"},
      {{"--steps", "0"}, "wants a number of at least 1, got '0'"},
      {{"--stragglers", "2", "--predict", "8", "--links", "ethernet-1g"},
       "[--stragglers] wants a share from 0 to 1"},
  };
  for (const auto& [arguments, message] : kWrong) {
    CAPTURE(arguments);
    const ProcessResult result = RunProcess(Bench(arguments));
    CHECK(result.status != 0);
    CHECK_THAT(result.err, Contains(message));
    CHECK(result.out.find("Efficiency") == std::string::npos);
  }
}

// A limit to the size of files does what a full disk does.
const Arguments kFullDisk{"/bin/bash", "-c", "ulimit -f 1; exec \"$@\"", "bash"};

TEST_CASE("A profile that cannot be written costs nothing else") {
  const TemporaryFolder folder;
  const ProcessResult full = RunProcess(
      Joined(kFullDisk, Synthetic({"--layers", "60x1k:10us", "--counts", "1", "--steps", "5",
                                   "--predict", "8", "--links", "ethernet-1g", "--save-profile",
                                   folder / "profile", "--csv", folder / "table"})));
  CHECK(full.status == 1);
  CHECK_THAT(full.err, Contains("profile': ") && Contains("nothing was changed there"));
  CHECK_THAT(full.out, Contains("Efficiency"));
  CHECK_THAT(Content(folder / "table"), Contains("synthetic"));
  CHECK(Content(folder / "profile").empty());
}

TEST_CASE("A full disk is an error, and leaves the old files") {
  const TemporaryFolder folder;
  const ProcessResult saved = RunProcess(Bench(
      {"--profile", "vgg16", "--predict", "8", "--links", "ethernet-1g", "--json", folder / "a"}));
  REQUIRE(saved.status == 0);
  folder.Write("page", "the old one");
  const ProcessResult full = RunProcess(Joined(
      kFullDisk,
      Bench({"--from", folder / "a", "--html", folder / "page", "--csv", folder / "table"})));
  CHECK(full.status == 1);
  CHECK_THAT(full.err,
             Contains("[--html] cannot write '") && Contains("nothing was changed there"));
  CHECK(Content(folder / "page") == "the old one");
  CHECK_THAT(Content(folder / "table"), Contains("vgg16"));  // what can be written is
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    CHECK(entry.path().string().find(".tmp-") == std::string::npos);
  }
}

TEST_CASE("A signal ends it at once, and leaves no file half written") {
  const TemporaryFolder folder;
  Subprocess process(Synthetic({"--counts", "2", "--steps", "100000", "--rounds", "1", "--json",
                                folder / "a.json", "--timeline", folder / "t.json"}));
  for (int i = 0; i < 2000 && !std::filesystem::exists(folder / "t.json"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  REQUIRE(std::filesystem::exists(folder / "t.json"));
  process.Signal(SIGTERM);
  CHECK(process.Wait().status == 128 + SIGTERM);
  CHECK(Content(folder / "a.json").empty());
}

}  // namespace
}  // namespace convoy::scaling
