// Command lines of trainers that are wrong, and data that they do not fit.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

TEST_CASE_METHOD(TrainerFixture, "A wrong command line ends with 2, and says what is wrong") {
  const Program gpt = Programs()[0], mnist = Programs()[1];
  folder().Write("tokens.bin", std::string(3000, '\1'));
  Program tokens = gpt;
  tokens.arguments = {"--data", folder() / "tokens.bin", "--channels", "16", "--block-size", "16"};
  const struct {
    Program program;
    Arguments more;
    std::string message;
  } kWrong[] = {
      {gpt, {"--stepz", "1"}, "--stepz"},
      {gpt, {"--tokens"}, "--tokens"},
      {gpt, {"--workers", "0"}, "--workers wants at least 1, got 0"},
      {gpt, {"--lr", "fast"}, "--lr: wants a number from 0 to 1e+38"},
      {gpt, {"--device", "tpu"}, "--device wants auto, cuda or cpu"},
      {gpt,
       {"--momentum", "0.5"},
       "[--momentum] belongs to --optimizer sgd, but this run's optimizer is adamw"},
      {mnist,
       {"--beta1", "0.5"},
       "[--beta1] belongs to --optimizer adamw, but this run's optimizer is sgd"},
      {mnist, {"--beta2", "0.5"}, "[--beta2] belongs to --optimizer adamw"},
      {gpt, {"--optimizer", "sgd", "--beta1", "0.9"}, "[--beta1] belongs to --optimizer adamw"},
      {gpt, {"--min-lr", "2e-3"}, "[--min-lr] 0.002 is above --lr 0.001"},
      {gpt,
       {"--min-lr", "1e-4", "--decay", "constant"},
       "[--min-lr] is where --decay linear or cosine ends"},
      {gpt,
       {"--warmup", "11", "--steps", "10"},
       "[--warmup] 11 steps are more than the 10 of the run"},
      {gpt,
       {"--bucket-mb", "1", "--bucket-plan", "a"},
       "[--bucket-mb] has no effect beside --bucket-plan"},
      {gpt, {"--timeline-steps", "1"}, "[--timeline-steps] has no effect without --timeline"},
      {gpt,
       {"--vocab-size", "300"},
       "[--vocab-size] has no effect: the characters of a text are counted"},
      {gpt, {"--sample", "0", "--temperature", "1"}, "[--temperature] has no effect: --sample 0"},
      {gpt, {"--sample", "0", "--top-k", "2"}, "[--top-k] has no effect: --sample 0"},
      {gpt, {"--temperature", "0", "--top-k", "2"}, "[--top-k] has no effect: --temperature 0"},
      {gpt, {"--eval-every", "0", "--eval-samples", "2"}, "[--eval-samples] has no effect"},
      {tokens,
       {"--sample", "5"},
       "[--sample] has no effect: it writes characters, and the data are tokens"},
      {tokens, {"--temperature", "1"}, "[--temperature] has no effect"},
      {mnist, {"--epochs", "1", "--steps", "1"}, "[--epochs] has no effect beside --steps"},
  };
  for (const auto& [program, more, message] : kWrong) {
    CAPTURE(more);
    const ProcessResult result = RunProcess(Command(program, more));
    CHECK(result.status == 2);
    CHECK_THAT(result.err, Catch::StartsWith(program.name + ": ") && Catch::Contains(message));
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    CHECK(result.out.empty());
  }
}

TEST_CASE_METHOD(TrainerFixture,
                 "What a preset or a default says may have no effect, or gives way") {
  const Program gpt = Programs()[0];
  const ProcessResult nano =
      Run(gpt, "nano", {"--preset", "nano", "--optimizer", "sgd", "--steps", "2"});
  CHECK_THAT(nano.out, Catch::Contains("SGD, momentum 0.9"));
  const ProcessResult low = Run(gpt, "low", {"--lr", "5e-05", "--steps", "2"});
  CHECK_THAT(low.out, Catch::Contains("lr 5e-05 to 5e-05 (cosine), 50 warm-up steps"));
  CHECK(Metrics("low")[1]["lr"].get<double>() <= 5e-5);
}

TEST_CASE_METHOD(TrainerFixture, "A text that is too short says how long it has to be") {
  folder().Write("short", std::string(150, 'a') + std::string(150, 'b'));
  folder().Write("enough", std::string(400, 'a') + std::string(241, 'b'));
  folder().Write("short.bin", std::string(600, '\1'));
  const auto run = [&](const std::string& name) {
    return RunProcess(Command({"gpt", {}}, {"--data", folder() / name, "--layers", "1", "--heads",
                                            "1", "--channels", "8", "--steps", "0"}));
  };
  const std::string rest =
      ", of which the last tenth, 30, is for validation: too few for one window of --block-size 64 "
      "and what follows it; give at least 641 ";
  CHECK_THAT(run("short").err, Catch::Contains("short' has 300 characters" + rest + "characters"));
  CHECK_THAT(run("short.bin").err, Catch::Contains("short.bin' has 300 tokens" + rest + "tokens"));
  CHECK(run("enough").status == 0);
}

}  // namespace
}  // namespace convoy
