// --init: files of other programs, and what their shapes do not tell, through the trainers.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "tests/models/safetensors_text.h"
#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

using Catch::Contains;

// tests/models/testdata/README.md says how the files and the figures were made.
constexpr char kTied[] = "tests/models/testdata/gpt2_tied.safetensors";
constexpr char kUntied[] = "tests/models/testdata/gpt2_untied.safetensors";
constexpr double kTiedLoss = 4.071932358819167;
constexpr double kUntiedLoss = 3.3063887134122987;

/// `width` bytes for each token, little-endian.
std::string TokenBytes(int count, int width) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    bytes += static_cast<char>(i * i * 5 % 17) + std::string(static_cast<size_t>(width - 1), '\0');
  }
  return bytes;
}

class InitFixture : public TrainerFixture {
 public:
  InitFixture() { folder().Write("tokens.bin", TokenBytes(200, 2)); }

  Program Gpt2() const {
    return {"gpt",
            {"--data", folder() / "tokens.bin", "--vocab-size", "17", "--layers", "2", "--heads",
             "2", "--channels", "8", "--block-size", "8", "--batch-size", "4", "--sample", "0"}};
  }

  double LossOf(const std::string& path, const Arguments& more = {}) const {
    Run(Gpt2(), "loss", Joined({"--steps", "0", "--init", path}, more));
    return Metrics("loss")[0]["val_loss"].get<double>();
  }

  std::string ErrorOf(const Arguments& more) const {
    const ProcessResult result = RunProcess(Command(Gpt2(), more));
    CHECK(result.status != 0);
    CHECK(std::count(result.err.begin(), result.err.end(), '\n') == 1);
    return result.err;
  }
};

TEST_CASE_METHOD(InitFixture, "Checkpoints of transformers have the losses it computes") {
  CHECK(LossOf(kTied) == Approx(kTiedLoss).epsilon(1e-6));
  for (const char* workers : {"1", "2"}) {
    CHECK(LossOf(kUntied, {"--workers", workers}) == Approx(kUntiedLoss).epsilon(1e-6));
  }
  CHECK(LossOf(kUntied, {"--dtype", "bf16"}) == Approx(kUntiedLoss).epsilon(0.03));

  const ProcessResult result =
      Run(Gpt2(), "untied", {"--steps", "0", "--workers", "1", "--init", kUntied});
  CHECK_THAT(result.out, Contains("context 8, an output layer of its own\n"));
  CHECK_THAT(result.out, Contains(std::string("  start       ") + kUntied + "\n"));
  // Saved under Hugging Face's names, with the same numbers, in f32.
  const SafetensorsFile saved(Saved("untied")), read(kUntied);
  REQUIRE(saved.entries().size() == read.entries().size());
  for (const auto& entry : read.entries()) {
    const std::string name =
        entry.name.starts_with("transformer.") ? entry.name.substr(12) : entry.name;
    CAPTURE(name);
    CHECK(saved.At(name).dims == entry.dims);
    CHECK(saved.Load(name).ToVector<float>() ==
          Cast(read.Load(entry.name), DType::kF32).ToVector<float>());
  }
}

TEST_CASE_METHOD(InitFixture, "A GPT with an output layer of its own trains and goes on") {
  const Arguments flags{"--steps", "10",  "--untie-embeddings", "--optimizer", "sgd",
                        "--lr",    "0.1", "--warmup",           "0",           "--decay",
                        "constant"};
  for (const char* workers : {"1", "3"}) {
    Run(Gpt2(), std::string("w") + workers, Joined(flags, {"--workers", workers}));
  }
  CHECK(SafetensorsFile(Saved("w1")).At("lm_head.weight").dims == std::vector<int64_t>{17, 8});
  CHECK(Difference(Saved("w1"), Saved("w3")) < 1e-5);
  CHECK(Metrics("w1")[9]["loss"] < Metrics("w1")[0]["loss"]);
  // 17 tokens are kept as 128 rows: 128 x 8 in each table.
  const ProcessResult result =
      Run(Gpt2(), "again", {"--steps", "0", "--workers", "1", "--init", Saved("w1")});
  CHECK_THAT(result.out, Contains("parameters  3,872 "));
  CHECK(Metrics("again")[0]["val_loss"].get<double>() ==
        Approx(Metrics("w1")[9]["val_loss"].get<double>()).epsilon(1e-6));
  CHECK_THAT(Run(Gpt2(), "tied", {"--steps", "0", "--workers", "1"}).out,
             Contains("parameters  2,848 "));
}

TEST_CASE_METHOD(InitFixture, "Prefixes of wrappers are dropped, and the header says so") {
  const std::string path = folder().Write(
      "compiled", Edited(FileContent(kTied), "\"transformer.", "\"_orig_mod.transformer."));
  const ProcessResult result = Run(Gpt2(), "compiled", {"--steps", "0", "--init", path});
  CHECK_THAT(result.out, Contains("  start       " + path + "; names without '_orig_mod.'\n"));
  CHECK(Metrics("compiled")[0]["val_loss"].get<double>() == Approx(kTiedLoss).epsilon(1e-6));
}

TEST_CASE_METHOD(InitFixture, "What does not fit ends in a line that names the way out") {
  Run(Gpt2(), "saved", {"--steps", "0"});
  CHECK_THAT(
      ErrorOf({"--heads", "4", "--init", Saved("saved")}),
      Contains(
          "was saved by a model with n_head 2 (according to its metadata), but this one has 4; "
          "set GptOptions::heads (--heads)"));
  CHECK_THAT(ErrorOf({"--gelu", "exact", "--init", Saved("saved")}),
             Contains("with activation_function gelu_new") && Contains("--gelu"));
  CHECK_THAT(ErrorOf({"--layer-norm-eps", "1e-6", "--init", Saved("saved")}),
             Contains("with layer_norm_epsilon 1e-05") && Contains("--layer-norm-eps"));
  CHECK_THAT(ErrorOf({"--init",
                      folder().Write("model.safetensors.index.json",
                                     "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {}}")}),
             Contains("is the index of a sharded checkpoint"));
  CHECK_THAT(ErrorOf({"--init", folder() / "tokens.bin", "--gelu", "tanh"}),
             Contains("this is no safetensors file"));
  CHECK_THAT(ErrorOf({"--data", kTied}), Contains("is a safetensors file") && Contains("--init"));
  CHECK_THAT(RunProcess(Command(Gpt2(), {"--gelu", "relu"})).err,
             Contains("wants one of exact|tanh, got 'relu'"));

  const Program mnist = Programs()[1];
  Run(mnist, "mnist", {"--steps", "0"});
  const Program smaller{"mnist",
                        {"--data", folder().path(), "--batch-size", "22", "--hidden", "20"}};
  const ProcessResult result =
      RunProcess(Command(smaller, {"--steps", "0", "--init", Saved("mnist")}));
  CHECK(result.status == 1);
  CHECK_THAT(result.err,
             Contains("with layer_sizes 64-20-20-10 (according to its metadata), but this one has "
                      "64-20-10; set MlpOptions::hidden (--hidden)"));
}

TEST_CASE_METHOD(InitFixture, "Tokens of 32 bits are learned as those of 16 bits are") {
  std::string header(1024, '\0');
  header.replace(0, 12, std::string("\xa1\xd9\x34\x01\7\0\0\0\xc8\0\0\0", 12));  // 20240801, 7, 200
  const std::string wide = folder().Write("wide.bin", header + TokenBytes(200, 4));
  CHECK(LossOf(kTied, {"--data", wide}) == Approx(kTiedLoss).epsilon(1e-6));
}

TEST_CASE_METHOD(InitFixture, "Larger checkpoints have the losses that transformers computes") {
  const char* data = std::getenv("CONVOY_DATA");
  const std::filesystem::path cases =
      data == nullptr ? "" : std::filesystem::path(data) / ".." / "cases";
  if (data == nullptr || !std::filesystem::exists(cases / "st")) {
    std::cout << "SKIPPED: larger checkpoints: there is no cases/ beside what CONVOY_DATA names\n";
    return;
  }
  const auto loss = [&](const std::string& name) {
    const Program gpt{
        "gpt",
        {"--data", (cases / "st/t.bin").string(), "--vocab-size", "300", "--layers", "2", "--heads",
         "2", "--channels", "32", "--block-size", "32", "--sample", "0"}};
    Run(gpt, "case", {"--steps", "0", "--init", (cases / "st" / name).string()});
    return Metrics("case")[0]["val_loss"].get<double>();
  };
  for (const char* name :
       {"hf/model.safetensors", "save_model.safetensors", "orig_mod.safetensors",
        "meta_null.safetensors", "leading_space.safetensors", "extra_field.safetensors"}) {
    CAPTURE(name);
    CHECK(loss(name) == Approx(21.105908991953026).epsilon(1e-5));
  }
  CHECK(loss("untied/model.safetensors") == Approx(128.1805118741949).epsilon(1e-5));
}

}  // namespace
}  // namespace convoy
