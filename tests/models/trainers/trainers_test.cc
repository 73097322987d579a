// The trainers as their users run them: real processes on tiny data.
#include <signal.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

TEST_CASE_METHOD(TrainerFixture, "N workers train as one does") {
  for (const Program& program : Programs()) {
    CAPTURE(program.name);
    const Arguments sgd{"--optimizer", "sgd",      "--lr", "0.1",     "--decay",
                        "constant",    "--warmup", "0",    "--steps", "20"};
    const Arguments adamw{"--optimizer", "adamw", "--lr", "1e-3", "--steps", "20"};
    for (const char* workers : {"1", "2", "4"}) {
      for (const auto& [tag, flags] : {std::pair{"sgd", sgd}, std::pair{"adamw", adamw}}) {
        Arguments more = flags;
        more.insert(more.end(), {"--workers", workers});
        Run(program, std::string(tag) + workers, more);
      }
    }
    for (const char* workers : {"2", "4"}) {
      CAPTURE(workers);
      CHECK(Difference(Saved("sgd1"), Saved(std::string("sgd") + workers)) < 1e-5);
      const auto one = Metrics("adamw1"), many = Metrics(std::string("adamw") + workers);
      REQUIRE(one.size() == 20);
      REQUIRE(many.size() == 20);
      for (size_t i = 0; i < 20; ++i) {
        CHECK(many[i]["loss"].get<double>() == Approx(one[i]["loss"].get<double>()).epsilon(1e-4));
      }
      CHECK(many[19]["val_loss"].get<double>() ==
            Approx(one[19]["val_loss"].get<double>()).epsilon(1e-4));
    }
    // The tiny model learns.
    CHECK(Metrics("sgd1")[19]["loss"] < 0.99 * Metrics("sgd1")[0]["loss"].get<double>());
  }
}

TEST_CASE_METHOD(TrainerFixture, "Micro-batches add up to the batch") {
  for (const Program& program : Programs()) {
    CAPTURE(program.name);
    const Arguments sgd{"--optimizer", "sgd", "--lr", "0.1", "--steps", "5"};
    Arguments whole = sgd, parts = sgd;
    whole.insert(whole.end(), {"--workers", "1"});
    parts.insert(parts.end(), {"--workers", "2", "--micro-batches", "3"});
    Run(program, "whole", whole);
    Run(program, "parts", parts);
    CHECK(Difference(Saved("whole"), Saved("parts")) < 1e-5);
  }
}

TEST_CASE_METHOD(TrainerFixture, "Gradients are summed by the buckets of a plan that is given") {
  const Program mnist = Programs()[1];
  const Arguments two{"--steps", "10", "--workers", "2"};
  const std::string plan = folder().Write(
      "plan.toml",
      "[[bucket]]\nparameters = [\"layers.2.bias\", \"layers.2.weight\", \"layers.1.bias\"]\n"
      "[[bucket]]\nparameters = [\"layers.1.weight\"]\n"
      "[[bucket]]\nparameters = [\"layers.0.bias\", \"layers.0.weight\"]\n");
  CHECK(Run(mnist, "default", two).out.find("(1 bucket:") != std::string::npos);
  CHECK(Run(mnist, "plan", Joined(two, {"--bucket-plan", plan})).out.find("(3 buckets:") !=
        std::string::npos);
  CHECK(Content(Saved("plan")) == Content(Saved("default")));
}

TEST_CASE_METHOD(TrainerFixture, "The same command gives the same bits, dropout off and on") {
  for (const Program& program : Programs()) {
    for (const char* dropout : {"0", "0.2"}) {
      CAPTURE(program.name, dropout);
      const Arguments flags{"--steps", "10", "--workers", "2", "--dropout", dropout};
      Run(program, "first", flags);
      Run(program, "second", flags);
      CHECK(Content(Saved("first")) == Content(Saved("second")));
      Arguments other = flags;
      other.insert(other.end(), {"--seed", "1"});
      Run(program, "other", other);
      CHECK(Content(Saved("first")) != Content(Saved("other")));
    }
  }
}

TEST_CASE_METHOD(TrainerFixture, "A run tells what it does, and writes every step's metrics") {
  for (const Program& program : Programs()) {
    CAPTURE(program.name);
    const ProcessResult result =
        Run(program, "run", {"--steps", "20", "--eval-every", "10", "--workers", "2"});
    CHECK(result.err.empty());
    for (const char* text :
         {"Convoy ", "workers     2 on cpu, 1 thread each", "parameters  ", " bucket: ", "data  ",
          "samples", "step  1/20", "loss ", " lr ", " norm ", " ms/step", "/s ", " left",
          "validation loss", "Finished 20 of 20 steps", "throughput", "(median)", "memory"}) {
      CAPTURE(text);
      CHECK(result.out.find(text) != std::string::npos);
    }
    CHECK(result.out.find('\r') == std::string::npos);  // stdout is a pipe
    CHECK(result.out.find('\033') == std::string::npos);
    CHECK((result.out.find("A sample") != std::string::npos) == (program.name == "gpt"));

    const auto lines = Metrics("run");
    REQUIRE(lines.size() == 20);
    for (size_t i = 0; i < lines.size(); ++i) {
      CHECK(lines[i]["step"] == i + 1);
      for (const char* key :
           {"loss", "lr", "grad_norm", "step_ms", "samples_per_s", "exposed_comm_ms"}) {
        CAPTURE(key);
        CHECK(lines[i].value(key, -1.0) >= 0);
      }
      CHECK(lines[i].contains("tokens_per_s") == (program.name == "gpt"));
      CHECK(lines[i].contains("val_loss") == (i == 9 || i == 19));
      CHECK(lines[i].contains("val_accuracy") == (program.name == "mnist" && (i == 9 || i == 19)));
    }
  }
}

TEST_CASE_METHOD(TrainerFixture, "On a terminal the progress line is rewritten in place") {
  const ProcessResult result = RunProcess(
      Command(Programs()[1], {"--steps", "20", "--workers", "1", "--threads", "1"}), true);
  CHECK(result.status == 0);
  CHECK(result.out.find("\r\033[Kstep ") != std::string::npos);
  CHECK(result.out.find("step 20/20") != std::string::npos);
}

TEST_CASE_METHOD(TrainerFixture,
                 "Zero steps initialise, evaluate and save; --init goes on from there") {
  for (const Program& program : Programs()) {
    CAPTURE(program.name);
    Run(program, "start", {"--steps", "0"});
    const auto lines = Metrics("start");
    REQUIRE(lines.size() == 1);
    CHECK(lines[0]["step"] == 0);
    CHECK(lines[0]["val_loss"].get<double>() > 0);

    Run(program, "again", {"--steps", "0", "--seed", "9", "--init", Saved("start")});
    CHECK(Content(Saved("again")) == Content(Saved("start")));
    CHECK(Metrics("again")[0]["val_loss"] == lines[0]["val_loss"]);
  }
}

TEST_CASE_METHOD(TrainerFixture,
                 "A signal finishes the step, saves, sums up, and is the exit status") {
  for (const Program& program : Programs()) {
    for (const int signal : {SIGINT, SIGTERM}) {
      CAPTURE(program.name, signal);
      Subprocess process(Command(program, {"--steps", "100000000", "--workers", "2", "--threads",
                                           "1", "--eval-every", "0", "--save", Saved("stopped")}));
      REQUIRE(process.WaitForOutput("ms/step"));
      process.Signal(signal);
      const ProcessResult result = process.Wait();
      INFO(result.out << result.err);
      CHECK(result.status == 128 + signal);
      CHECK(result.out.find("Stopped after ") != std::string::npos);
      CHECK(result.out.find(signal == SIGINT ? ", on signal 2 (" : ", on signal 15 (") !=
            std::string::npos);
      CHECK(result.out.find("throughput") != std::string::npos);
      CHECK_FALSE(SafetensorsFile(Saved("stopped")).entries().empty());
    }
  }
}

TEST_CASE_METHOD(TrainerFixture, "A loss that is not finite stops the run, and nothing is saved") {
  const ProcessResult result =
      RunProcess(Command(Programs()[1], {"--steps", "50", "--lr", "1e30", "--decay", "constant",
                                         "--workers", "2", "--threads", "1", "--save", Saved("nan"),
                                         "--metrics", folder() / "nan.metrics"}));
  CHECK(result.status == 1);
  CHECK(result.err.find("[train] step ") != std::string::npos);
  CHECK(result.err.find(": the loss is nan (from workers 0, 1)") != std::string::npos);
  CHECK(result.err.find("(first in 'layers.") != std::string::npos);
  CHECK(result.err.find("nothing was saved") != std::string::npos);
  CHECK(Content(Saved("nan")).empty());
  CHECK(Metrics("nan").size() >= 1);  // valid JSON to the end
}

TEST_CASE_METHOD(TrainerFixture, "Steps that are not finite can be skipped") {
  const Program mnist = Programs()[1];
  const ProcessResult result = Run(mnist, "skip",
                                   {"--steps", "10", "--lr", "1e30", "--decay", "constant",
                                    "--workers", "2", "--on-non-finite", "skip"});
  const auto lines = Metrics("skip");
  REQUIRE(lines.size() == 10);
  CHECK_FALSE(lines[0].contains("skipped"));
  CHECK(lines[9]["skipped"] == true);
  CHECK(result.out.find("steps whose gradients were not finite") != std::string::npos);
}

TEST_CASE_METHOD(TrainerFixture, "bf16 and f16 learn as f32 does, and save what they train") {
  for (const Program& program : Programs()) {
    Run(program, "f32", {"--steps", "20", "--workers", "1"});
    for (const auto& [dtype, stored] : {std::pair{"bf16", "BF16"}, std::pair{"f16", "F16"}}) {
      CAPTURE(program.name, dtype);
      const ProcessResult result =
          Run(program, dtype,
              {"--steps", "20", "--workers", "2", "--dtype", dtype, "--check-replicas", "5"});
      CHECK(result.out.find(std::string("precision   ") + dtype) != std::string::npos);
      const SafetensorsFile file(Saved(dtype));
      for (const auto& entry : file.entries()) CHECK(entry.dtype == stored);
      const auto exact = Metrics("f32"), rounded = Metrics(dtype);
      // 8 bits (11 for f16) of every activation: the losses' curves lie this close.
      CHECK(rounded[0]["loss"].get<double>() ==
            Approx(exact[0]["loss"].get<double>()).epsilon(5e-3));
      CHECK(rounded[19]["loss"].get<double>() ==
            Approx(exact[19]["loss"].get<double>()).epsilon(2e-2));
      CHECK(rounded[19].contains("loss_scale") == (std::string(dtype) == "f16"));
      // And back: an f32 run starts from the 16-bit file.
      Run(program, "widened", {"--steps", "0", "--workers", "1", "--init", Saved(dtype)});
      CHECK(Difference(Saved("widened"), Saved(dtype)) == 0);
    }
  }
}

TEST_CASE_METHOD(TrainerFixture, "A GPT learns from token numbers, with its vocabulary padded") {
  std::string tokens;
  for (int i = 0; i < 3000; ++i) {
    const int token = i * i % 300;
    tokens += {static_cast<char>(token & 255), static_cast<char>(token >> 8)};
  }
  folder().Write("tokens.bin", tokens);
  Program gpt = Programs()[0];
  gpt.arguments[1] = folder() / "tokens.bin";
  gpt.arguments.resize(gpt.arguments.size() - 2);  // --sample, of characters
  const ProcessResult result =
      Run(gpt, "tokens", {"--steps", "10", "--workers", "2", "--vocab-size", "300"});
  CHECK(result.out.find("3,000 tokens (vocabulary of 300)") != std::string::npos);
  CHECK(SafetensorsFile(Saved("tokens")).At("wte.weight").dims == std::vector<int64_t>{300, 16});
  CHECK(Metrics("tokens")[9]["loss"] < Metrics("tokens")[0]["loss"]);
}

TEST_CASE_METHOD(TrainerFixture,
                 "The preset gpt2 needs no data, and each of its values can be replaced") {
  const Program gpt{"gpt",
                    {"--preset", "gpt2", "--layers", "1", "--heads", "1", "--channels", "8",
                     "--block-size", "32", "--vocab-size", "50", "--batch-size", "4"}};
  const ProcessResult result = Run(gpt, "gpt2", {"--steps", "2", "--workers", "1"});
  for (const char* text :
       {"1 layers, 1 heads, 8 channels, context 32", "random tokens, for timing only: 2,097,152",
        "AdamW, betas 0.9 and 0.95", "clip 1, lr 0.0006 to 6e-05 (cosine), 200 warm-up steps",
        "precision   bf16"}) {
    CAPTURE(text, result.out);
    CHECK(result.out.find(text) != std::string::npos);
  }
}

TEST_CASE("--help explains every flag") {
  for (const char* name : {"gpt", "mnist"}) {
    const ProcessResult result = RunProcess({std::string("models/trainers/") + name, "--help"});
    CHECK(result.status == 0);
    for (const char* flag :
         {"--workers",       "--threads", "--device",        "--steps",      "--batch-size",
          "--micro-batches", "--lr",      "--seed",          "--bucket-mb",  "--data",
          "--init",          "--save",    "--eval-every",    "--metrics",    "--optimizer",
          "--dropout",       "--clip",    "--dtype",         "--cuda-graph", "--on-non-finite",
          "--launch",        "--timeout", "--check-replicas", "--shard"}) {
      CAPTURE(name, flag);
      CHECK(result.out.find(std::string(flag) + " ") != std::string::npos);
    }
  }
}

TEST_CASE_METHOD(TrainerFixture,
                 "What is wrong with a command is said in a line, before training") {
  const auto error = [](const Program& program, const Arguments& more) {
    const ProcessResult result = RunProcess(Command(program, more));
    CHECK(result.status != 0);
    CHECK(result.out.find("step") == std::string::npos);
    return result.err;
  };
  const Program gpt = Programs()[0], mnist = Programs()[1], bare_mnist{"mnist", {}};
  const auto contains = [](const std::string& text) { return Catch::Contains(text); };

  CHECK_THAT(error(gpt, {"--workers", "0"}), contains("--workers wants at least 1, got 0"));
  CHECK_THAT(error(gpt, {"--stepz", "1"}), contains("--stepz"));
  CHECK_THAT(error(gpt, {"--lr", "fast"}),
             contains("--lr: wants a number from 0 to 1e+38, got 'fast'"));
  CHECK_THAT(error(gpt, {"--batch-size", "0"}),
             contains("--batch-size: wants a whole number from 1 to 16777216, got '0'"));
  CHECK_THAT(error(gpt, {"--optimizer", "lion"}), contains("wants one of adamw|sgd, got 'lion'"));
  CHECK_THAT(error(gpt, {"--dtype", "f8"}), contains("wants one of bf16|f16|f32, got 'f8'"));
  CHECK_THAT(error(gpt, {"--cuda-graph"}),
             contains("[--cuda-graph] steps can be recorded on a GPU only"));
  CHECK_THAT(error(gpt, {"--heads", "3"}), contains("channels must be a multiple of heads"));
  CHECK_THAT(error(gpt, {"--save", folder() / "no/such/file"}),
             contains("[--save] cannot write") && contains("there is no folder"));
  CHECK_THAT(error(gpt, {"--save", folder().path()}), contains("is a folder"));
  CHECK_THAT(error(gpt, {"--metrics", folder() / "no/such/file"}), contains("[--metrics]"));
  CHECK_THAT(error(gpt, {"--init", folder() / "absent"}),
             contains("[--init] cannot read") && contains("No such file"));
  CHECK_THAT(error(gpt, {"--init", folder() / "text"}), contains("text"));
  CHECK_THAT(error({"gpt", {}}, {"--data", folder() / "absent"}), contains("absent"));
  CHECK_THAT(error(bare_mnist, {"--data", folder() / "absent"}),
             contains("train-images-idx3-ubyte"));
  CHECK_THAT(error(mnist, {"--batch-size", "101"}), contains("101"));
  CHECK_THAT(error(mnist, {"--bucket-plan", folder() / "absent"}),
             contains("[bucket plan] cannot open") && contains("No such file"));
  const std::string plan =
      folder().Write("plan.toml", "[[bucket]]\nparameters = [\"layers.2.bias\", \"head\"]\n");
  for (const char* workers : {"1", "2"}) {
    const std::string message = error(mnist, {"--bucket-plan", plan, "--workers", workers});
    CHECK_THAT(message, contains("plan.toml:2: the model has no parameter 'head'"));
    CHECK(std::count(message.begin(), message.end(), '\n') == 1);
  }
}

TEST_CASE_METHOD(TrainerFixture, "Throughput is of the wall's clock, not of the usual step") {
  constexpr int kSteps = 5000, kSamples = 100'000;  // five batches of the 100 images: 22, ..., 12
  Subprocess process(
      Command(Programs()[1], {"--workers", "1", "--threads", "1", "--steps", std::to_string(kSteps),
                              "--eval-every", "0", "--metrics", folder() / "wall.metrics"}));
  REQUIRE(process.WaitForOutput("ms/step"));
  process.Signal(SIGSTOP);  // as a quota does, if more gently
  std::this_thread::sleep_for(std::chrono::seconds(2));
  process.Signal(SIGCONT);
  const ProcessResult result = process.Wait();
  INFO(result.out << result.err);
  REQUIRE(result.status == 0);
  const size_t at = result.out.find("throughput  ");
  REQUIRE(at != std::string::npos);
  std::string digits;
  for (const char c : result.out.substr(at + 12, result.out.find(' ', at + 12) - at - 12)) {
    if (c != ',') digits += c;
  }
  const double rate = std::stod(digits);
  CHECK(rate < kSamples / 2.0);
  double ms = 0;
  for (const auto& line : Metrics("wall")) ms += line["step_ms"].get<double>();
  CHECK(ms > 2000);
  CHECK(rate == Approx(1e3 * kSamples / ms).epsilon(0.01));
}

TEST_CASE_METHOD(TrainerFixture, "A model of another text is refused") {
  const Program gpt = Programs()[0];
  Run(gpt, "start", {"--steps", "0"});
  std::string other = Text();
  for (char& c : other) {
    if (c == 'l') c = 'L';
  }
  folder().Write("text", other);
  const ProcessResult result = RunProcess(Command(gpt, {"--steps", "0", "--init", Saved("start")}));
  CHECK(result.status == 1);
  CHECK(result.err.find("knows other characters") != std::string::npos);
}

TEST_CASE_METHOD(TrainerFixture, "Output that cannot be written is an error") {
  const Arguments command = Command(Programs()[1], {"--steps", "1"});
  std::string line = "exec";
  for (const std::string& word : command) line += " '" + word + "'";
  const ProcessResult result = RunProcess({"/bin/sh", "-c", line + " >/dev/full"});
  CHECK(result.status == 1);
  CHECK_THAT(result.err, Catch::Contains("writing to standard output failed"));
}

}  // namespace
}  // namespace convoy
