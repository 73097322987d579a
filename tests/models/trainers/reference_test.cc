// A trainer's first steps against numbers of PyTorch, which tests/models/trainers/reference.py
// computes: losses, learning rates, norms and evaluations, for one worker and for three.
#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>
#include <tuple>

#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

/// What a step reports. `val_loss` and `val_accuracy` are there if an evaluation follows the step.
struct Step {
  double loss, lr, grad_norm;
  std::optional<double> val_loss{}, val_accuracy{};
};

/// A linear congruential generator's upper 24 bits, as numbers from -0.25 to 0.25.
std::vector<float> Noise(unsigned seed, int64_t count) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    values.push_back((static_cast<float>(seed >> 8) * 0x1p-24f - 0.5f) / 2);
  }
  return values;
}

/// Writes initial values: noise, around 1 for the scales of norms.
void WriteParameters(const std::string& path,
                     const std::vector<std::pair<std::string, Shape>>& shapes) {
  ParameterList tensors;
  for (const auto& [name, shape] : shapes) {
    std::vector<float> values = Noise(static_cast<unsigned>(tensors.size()) + 1, shape.numel());
    const bool scale = name.find("ln_") != std::string::npos && name.ends_with("weight");
    for (float& value : values) value += scale ? 1 : 0;
    tensors.push_back({name, Tensor::From(shape, values)});
  }
  SaveSafetensors(path, tensors);
}

void CheckSteps(const std::vector<nlohmann::json>& lines, const std::vector<Step>& steps) {
  REQUIRE(lines.size() == steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    INFO("step " << i + 1 << ": " << lines[i]);
    CHECK(lines[i]["step"] == i + 1);
    CHECK(lines[i].value("loss", 0.0) == Approx(steps[i].loss).epsilon(1e-5));
    CHECK(lines[i].value("lr", 0.0) == Approx(steps[i].lr).epsilon(1e-9));
    CHECK(lines[i].value("grad_norm", 0.0) == Approx(steps[i].grad_norm).epsilon(1e-4));
    CHECK(lines[i].contains("val_loss") == steps[i].val_loss.has_value());
    CHECK(lines[i].value("val_loss", 0.0) == Approx(steps[i].val_loss.value_or(0)).epsilon(1e-5));
    CHECK(lines[i].value("val_accuracy", 0.0) ==
          Approx(steps[i].val_accuracy.value_or(0)).epsilon(1e-12));
  }
}

/// One worker, three (whose shares of 4 and 6 samples are uneven), and micro-batches.
const std::vector<Arguments> kWays{{"--workers", "1"},
                                   {"--workers", "3"},
                                   {"--workers", "1", "--micro-batches", "2"},
                                   {"--workers", "3", "--micro-batches", "3"}};

class ReferenceFixture : public TrainerFixture {
 public:
  ReferenceFixture() {
    WriteDigits(folder(), "t10k", 600);  // evaluated in chunks of 250, 250 and 100
    WriteParameters(folder() / "mnist.init", {{"layers.0.weight", {20, 64}},
                                              {"layers.0.bias", {20}},
                                              {"layers.1.weight", {20, 20}},
                                              {"layers.1.bias", {20}},
                                              {"layers.2.weight", {10, 20}},
                                              {"layers.2.bias", {10}}});
    // The layout of Hugging Face's GPT-2: weights of dense layers are (in, out).
    std::vector<std::pair<std::string, Shape>> gpt{{"wte.weight", {50, 16}},
                                                   {"wpe.weight", {8, 16}},
                                                   {"ln_f.weight", {16}},
                                                   {"ln_f.bias", {16}}};
    for (const std::string block : {"h.0.", "h.1."}) {
      for (const std::string norm : {"ln_1.", "ln_2."}) {
        gpt.push_back({block + norm + "weight", {16}});
        gpt.push_back({block + norm + "bias", {16}});
      }
      for (const auto& [layer, in, out] :
           std::vector<std::tuple<std::string, int64_t, int64_t>>{{"attn.c_attn.", 16, 48},
                                                                  {"attn.c_proj.", 16, 16},
                                                                  {"mlp.c_fc.", 16, 64},
                                                                  {"mlp.c_proj.", 64, 16}}) {
        gpt.push_back({block + layer + "weight", {in, out}});
        gpt.push_back({block + layer + "bias", {out}});
      }
    }
    std::sort(gpt.begin(), gpt.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    WriteParameters(folder() / "gpt.init", gpt);
    std::string tokens;
    for (const float value : Noise(99, 3000)) {
      tokens += {static_cast<char>((value + 0.25f) * 2 * 50), '\0'};
    }
    folder().Write("tokens.bin", tokens);
  }

  Program Mnist(const std::string& dropout) const {
    return {"mnist",
            {"--data", folder().path(), "--hidden", "20,20", "--init", folder() / "mnist.init",
             "--dropout", dropout}};
  }
  Program Gpt(const std::string& dropout) const {
    return {"gpt",
            {"--data", folder() / "tokens.bin", "--vocab-size", "50", "--layers", "2", "--heads",
             "2", "--channels", "16", "--block-size", "8", "--init", folder() / "gpt.init",
             "--dropout", dropout, "--sample", "0"}};
  }
};

TEST_CASE_METHOD(ReferenceFixture, "mnist takes PyTorch's steps: SGD, momentum, decay, clipping") {
  // 48 of 100 samples a step: the third step has the last four, the fourth is of another epoch.
  const Arguments flags{"--seed",       "5",    "--steps",     "5",   "--batch-size",   "48",
                        "--eval-every", "2",    "--momentum",  "0.9", "--weight-decay", "0.1",
                        "--clip",       "0.2",  "--optimizer", "sgd", "--lr",           "0.5",
                        "--min-lr",     "0.05", "--warmup",    "2",   "--decay",        "linear"};
  const std::vector<Step> steps{{2.3524184, 0.1666666667, 0.2229489},
                                {2.3328688, 0.3333333333, 0.2153171, 2.3214359, 60 / 600.0},
                                {2.2243805, 0.5, 0.5405713},
                                {2.3060271, 0.35, 0.1467627, 2.3041001, 94 / 600.0},
                                {2.3043207, 0.2, 0.1439934, 2.3027374, 120 / 600.0}};
  for (const Arguments& way : kWays) {
    CAPTURE(way);
    Run(Mnist("0"), "run", Joined(flags, way));
    CheckSteps(Metrics("run"), steps);
  }
}

TEST_CASE_METHOD(ReferenceFixture, "gpt takes PyTorch's steps: AdamW, decay, clipping") {
  // Evaluations but the last take five of the 37 windows: 0, 7, 14, 22 and 29.
  const Arguments flags{
      "--seed",         "5",      "--steps",        "5",     "--batch-size", "6",
      "--eval-every",   "2",      "--beta1",        "0.9",   "--beta2",      "0.95",
      "--weight-decay", "0.5",    "--clip",         "0.75",  "--optimizer",  "adamw",
      "--lr",           "0.02",   "--min-lr",       "0.002", "--warmup",     "2",
      "--decay",        "cosine", "--eval-samples", "5"};
  const std::vector<Step> steps{{4.1313431, 0.02 / 3, 1.5454013},
                                {4.1539751, 0.04 / 3, 1.2217244, 4.0703256},
                                {4.2751080, 0.02, 1.0549281},
                                {4.0458990, 0.0155, 0.6781506, 4.1037411},
                                {4.0127360, 0.0065, 0.7318444, 4.0459582}};
  for (const Arguments& way : kWays) {
    CAPTURE(way);
    Run(Gpt("0"), "run", Joined(flags, way));
    CheckSteps(Metrics("run"), steps);
  }
}

TEST_CASE_METHOD(ReferenceFixture, "Evaluation drops nothing out, and the next step does again") {
  struct Case {
    Program program, without_dropout;
    double val_loss;
  };
  for (const auto& [program, without, val_loss] : std::vector<Case>{
           {Mnist("0.5"), Mnist("0"), 2.3388819}, {Gpt("0.5"), Gpt("0"), 4.0783335}}) {
    CAPTURE(program.name);
    Run(program, "start", {"--steps", "0", "--workers", "3", "--batch-size", "6"});
    CHECK(Metrics("start")[0].value("val_loss", 0.0) == Approx(val_loss).epsilon(1e-5));

    // Evaluations change nothing in what follows, so they have drawn no random numbers either.
    const Arguments train{"--steps", "3", "--workers", "2", "--batch-size", "6"};
    Run(program, "often", Joined(train, {"--eval-every", "1"}));
    Run(program, "once", Joined(train, {"--eval-every", "0"}));
    CHECK(Content(Saved("often")) == Content(Saved("once")));
    // And the steps behind them still have dropout: another loss than without.
    Run(without, "without", Joined(train, {"--eval-every", "1", "--lr", "0"}));
    Run(program, "with", Joined(train, {"--eval-every", "1", "--lr", "0"}));
    for (size_t i = 0; i < 3; ++i) {
      CAPTURE(i);
      CHECK(Metrics("with")[i].value("loss", 0.0) !=
            Approx(Metrics("without")[i].value("loss", 0.0)).epsilon(1e-4));
    }
  }
}

TEST_CASE_METHOD(ReferenceFixture, "Every worker drops elements of its own") {
  // Both halves of a batch are the same samples: with one mask for all workers, two workers on two
  // equal samples would report the loss of one on one.
  std::string pixels, labels;
  for (int i = 0; i < 2; ++i) {
    for (int p = 0; p < 64; ++p) pixels += static_cast<char>(p * 3);
    labels += '\4';
  }
  WriteIdx(folder(), "train-images-idx3-ubyte", {2, 8, 8}, pixels);
  WriteIdx(folder(), "train-labels-idx1-ubyte", {2}, labels);
  const Arguments train{"--steps", "1", "--batch-size"};
  Run(Mnist("0.5"), "two", Joined(train, {"2", "--workers", "2"}));
  Run(Mnist("0.5"), "one", Joined(train, {"1", "--workers", "1"}));
  CHECK(Metrics("two")[0].value("loss", 0.0) !=
        Approx(Metrics("one")[0].value("loss", 0.0)).epsilon(1e-5));
}

TEST_CASE_METHOD(ReferenceFixture, "Throughput is samples and tokens over the time of a step") {
  Run(Mnist("0"), "mnist", {"--steps", "3", "--batch-size", "48", "--workers", "3"});
  for (const auto& line : Metrics("mnist")) {
    INFO(line);
    const double samples = line["step"] == 3 ? 4 : 48;  // of all workers
    CHECK(line.value("samples_per_s", 0.0) * line.value("step_ms", 0.0) ==
          Approx(1e3 * samples).epsilon(1e-9));
  }
  Run(Gpt("0"), "gpt", {"--steps", "2", "--batch-size", "7", "--workers", "3"});
  for (const auto& line : Metrics("gpt")) {
    INFO(line);
    CHECK(line.value("samples_per_s", 0.0) * line.value("step_ms", 0.0) ==
          Approx(7e3).epsilon(1e-9));
    CHECK(line.value("tokens_per_s", 0.0) ==
          Approx(8 * line.value("samples_per_s", 0.0)).epsilon(1e-9));
  }
}

TEST_CASE_METHOD(ReferenceFixture,
                 "Epochs go through all images, and each ends with an evaluation") {
  // 48, 48 and 4 of 100 images are an epoch.
  Run(Mnist("0"), "epochs", {"--epochs", "2", "--batch-size", "48", "--workers", "2"});
  const auto lines = Metrics("epochs");
  REQUIRE(lines.size() == 6);
  for (size_t i = 0; i < lines.size(); ++i) {
    INFO(lines[i]);
    CHECK(lines[i].contains("val_loss") == (i == 2 || i == 5));
  }
  // Without learning, the steps of an epoch have the loss of all images once, in any order.
  Run(Mnist("0"), "still",
      {"--epochs", "2", "--batch-size", "48", "--workers", "3", "--lr", "0", "--min-lr", "0"});
  Run(Mnist("0"), "whole",
      {"--steps", "1", "--batch-size", "100", "--workers", "1", "--lr", "0", "--min-lr", "0"});
  const auto still = Metrics("still");
  REQUIRE(still.size() == 6);
  for (const size_t first : {size_t{0}, size_t{3}}) {
    double sum = 0;
    for (size_t i = 0; i < 3; ++i) {
      sum += (i == 2 ? 4 : 48) * still[first + i].value("loss", 0.0);
    }
    CHECK(sum / 100 == Approx(Metrics("whole")[0].value("loss", 0.0)).epsilon(1e-5));
  }
}

}  // namespace
}  // namespace convoy
