// The predicting flags as a command line has them.
#include "tools/scaling/predict_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "parallel/data_parallel/bucket_plan_file.h"
#include "tests/models/data/temporary_folder.h"
#include "tools/scaling/model/profile_file.h"

namespace convoy::scaling {
namespace {

PredictFlags Parse(std::vector<std::string> arguments) {
  CLI::App app("a test");
  PredictFlags flags;
  AddPredictFlags(app, flags);
  std::reverse(arguments.begin(), arguments.end());
  app.parse(arguments);
  return flags;
}

PredictOutcome Run(const std::vector<std::string>& arguments) {
  const PredictFlags flags = Parse(arguments);
  return RunPredict(flags, GivenProfile(flags).value_or(FindProfile("resnet50")));
}

TEST_CASE("A command line predicts, advises and writes the plan") {
  const TemporaryFolder folder;
  const PredictOutcome outcome =
      Run({"--profile", "vgg16", "--links", "p100-25gbe-roce", "--predict", "512,8,64", "--advise",
           "--write-plan", folder / "plan.toml"});
  CHECK(outcome.prediction.model == "vgg16");
  REQUIRE(outcome.prediction.sizes.size() == 3);
  CHECK(outcome.prediction.sizes[0].workers == 8);
  REQUIRE(outcome.advice.has_value());
  CHECK(outcome.advice->workers == 512);
  const std::vector<ParameterSize> sizes = FindProfile("vgg16").sizes();
  CHECK(ReadBucketPlan(folder / "plan.toml", sizes) == outcome.advice->plan);
  // Predicted with, it is as good as advised.
  PredictFlags flags = Parse({"--links", "p100-25gbe-roce", "--predict", "512"});
  flags.bucket_plan = folder / "plan.toml";
  const PredictedSize with = RunPredict(flags, FindProfile("vgg16")).prediction.sizes[0];
  CHECK(with.step_ms == Approx(outcome.advice->step_ms));
  CHECK(with.step_ms < outcome.prediction.sizes[2].step_ms);
}

TEST_CASE("Flags reach the prediction") {
  const auto at_64 = [](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"--profile",       "gpt2-124m", "--links",
                                          "dgx-h100-ndr400", "--predict", "64"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Run(arguments).prediction.sizes[0];
  };
  const PredictedSize plain = at_64({});
  CHECK(at_64({"--algorithm", "ring"}).algorithm == "ring");
  CHECK(at_64({"--algorithm", "ring"}).exposed_ms > plain.exposed_ms);
  CHECK(at_64({"--stragglers", "0.02"}).waiting_ms > 0);
  CHECK(at_64({"--batch-of", "8"}).step_ms < plain.step_ms / 4);
  CHECK(at_64({"--no-norm"}).step_ms < plain.step_ms);
}

TEST_CASE("Mistakes are errors of one line") {
  const TemporaryFolder folder;
  const std::string plan =
      folder.Write("plan.toml", "[[bucket]]\nparameters = [\"fc.bias\", \"head\"]\n");
  const struct {
    std::vector<std::string> arguments;
    std::string message;
  } rows[] = {
      {{"--links", "tbf-1g"}, "[--predict] say for how many workers, like --predict 8,64,512"},
      {{"--links", "tbf-1g", "--predict", "8,0"}, "[--predict] wants numbers of at least 1, got 0"},
      {{"--links", "p100-25gbe-roce", "--predict", "8,10"},
       "[links] p100-25gbe-roce.toml:5: 10 workers do not fill whole groups of level 'PCIe 3.0 "
       "x16', which joins 4 members"},
      {{"--links", "tbf-1g", "--predict", "8", "--algorithm", "star"},
       "[--algorithm]: there is no algorithm 'star'; those there are: ring, tree, two-level, nvls, "
       "nvls-tree, direct, inprocess"},
      {{"--links", "tbf-1g", "--predict", "8", "--algorithm", "ring"},
       "[links] 'Network namespaces, shaped by tc tbf to 1 Gbit/s, one worker a host' has no "
       "algorithm 'ring'; it has: direct"},
      {{"--links", "tbf-1g", "--predict", "8", "--stragglers", "2"},
       "[--stragglers] wants a share from 0 to 1, like 0.02, got 2"},
      {{"--links", "tbf-1g", "--predict", "8", "--batch-of", "-1"},
       "[--batch-of] wants a number of at least 0, got -1"},
      {{"--links", "tbf-1g", "--predict", "8", "--write-plan", "/nowhere/p.toml"},
       "[bucket plan] cannot write '/nowhere/p.toml': there is no folder '/nowhere'"},
      {{"--links", "/nowhere.toml", "--predict", "8"},
       "[links] '/nowhere.toml' is neither a file nor built in; built in are: "},
      {{"--predict", "8"}, "[--predict] wants --links: a file, or one of "},
  };
  for (const auto& [arguments, message] : rows) {
    std::string found;
    try {
      Run(arguments);
    } catch (const Error& error) {
      found = error.what();
    }
    CHECK_THAT(found, Catch::StartsWith(message));
    CHECK(found.find('\n') == found.npos);
  }
  PredictFlags flags = Parse({"--links", "tbf-1g", "--predict", "8"});
  flags.bucket_plan = plan;
  CHECK_THROWS_WITH(RunPredict(flags, FindProfile("resnet50")),
                    "[bucket plan] " + plan +
                        ":2: the model has no parameter 'head'; its first is 'conv1.weight', its "
                        "last 'fc.bias'");
  CHECK_THROWS_AS(Parse({"--predict", "8,x"}), CLI::ParseError);
}

}  // namespace
}  // namespace convoy::scaling
