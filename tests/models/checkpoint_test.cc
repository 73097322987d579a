// Checkpoints: round trips, Hugging Face's layout, and files that do not fit.
#include "models/checkpoint.h"

#include <catch2/catch.hpp>

#include "core/base/error.h"
#include "models/gpt_checkpoint.h"
#include "models/io/safetensors.h"
#include "models/mlp.h"
#include "ops/cast.h"
#include "tests/models/data/temporary_folder.h"

namespace convoy {
namespace {

constexpr GptOptions kTiny{
    .vocab_size = 7, .block_size = 5, .layers = 2, .heads = 2, .channels = 4};

std::vector<std::vector<float>> Values(const Module& module) {
  std::vector<std::vector<float>> values;
  for (const NamedTensor& p : module.Parameters()) values.push_back(p.tensor.ToVector<float>());
  return values;
}

TEST_CASE("Parameters come back as they were saved") {
  const TemporaryFolder folder;
  const Mlp saved({.in = 4, .hidden = {3}, .out = 2}, Device::Cpu(), 1);
  SaveParameters(folder / "mlp.safetensors", saved.Parameters());
  const Mlp loaded({.in = 4, .hidden = {3}, .out = 2}, Device::Cpu(), 2);
  REQUIRE(Values(loaded) != Values(saved));
  LoadParameters(folder / "mlp.safetensors", loaded.Parameters());
  CHECK(Values(loaded) == Values(saved));
}

TEST_CASE("A file that does not fit is refused by name, and nothing is changed") {
  const TemporaryFolder folder;
  const std::string path = folder / "mlp.safetensors";
  const Mlp small({.in = 4, .hidden = {3}, .out = 2}, Device::Cpu(), 1);
  SaveParameters(path, small.Parameters());

  const Mlp deeper({.in = 4, .hidden = {3, 3}, .out = 2}, Device::Cpu(), 2);
  CHECK_THROWS_WITH(LoadParameters(path, deeper.Parameters()),
                    "[Checkpoint] '" + path +
                        "' lacks 2 of the model's 6 tensors: layers.2.weight, layers.2.bias");

  const Mlp shallow({.in = 4, .out = 2}, Device::Cpu(), 2);
  CHECK_THROWS_WITH(LoadParameters(path, shallow.Parameters()),
                    Catch::Contains("holds 2 tensors that the model has no use for") &&
                        Catch::Contains("layers.1.weight") && Catch::Contains("layers.1.bias"));

  const Mlp wider({.in = 4, .hidden = {3}, .out = 5}, Device::Cpu(), 2);
  const auto before = Values(wider);
  CHECK_THROWS_WITH(LoadParameters(path, wider.Parameters()),
                    "[Checkpoint] '" + path +
                        "': layers.1.weight is (2, 3) in the file, but the model has (5, 3)");
  CHECK(Values(wider) == before);

  SaveSafetensors(path, {{"x", Tensor::Zeros({2}, {DType::kI32, Device::Cpu()})}});
  const ParameterList x{{"x", Tensor::Zeros({2})}};
  CHECK_THROWS_WITH(LoadParameters(path, x), Catch::Contains("x has dtype I32, expected F32"));
}

TEST_CASE("Other floating dtypes are converted") {
  const TemporaryFolder folder;
  SaveSafetensors(folder / "x", {{"x", Tensor::From({2}, std::vector<double>{0.5, -3})}});
  const ParameterList x{{"x", Tensor::Zeros({2})}};
  LoadParameters(folder / "x", x);
  CHECK(x[0].tensor.ToVector<float>() == std::vector<float>{0.5f, -3});
}

TEST_CASE("A prefix that the model's own names have as well stays") {
  const TemporaryFolder folder;
  SaveSafetensors(folder / "x", {{"model.a", Tensor::Full({2}, 3)}});
  const ParameterList own{{"model.a", Tensor::Zeros({2})}};
  CHECK(LoadParameters(folder / "x", own).empty());
  CHECK(own[0].tensor.ToVector<float>() == std::vector<float>{3, 3});
  const ParameterList bare{{"a", Tensor::Zeros({2})}};
  CHECK(LoadParameters(folder / "x", bare) == LoadNotes{"names without 'model.'"});
  CHECK(bare[0].tensor.ToVector<float>() == std::vector<float>{3, 3});
}

TEST_CASE("A GPT is stored as Hugging Face stores GPT-2") {
  const TemporaryFolder folder;
  const Gpt gpt(kTiny, Device::Cpu(), 1);
  SaveGpt(folder / "gpt", gpt, {{"note", "here"}});
  const SafetensorsFile file(folder / "gpt");
  CHECK(file.metadata().at("format") == "pt");
  CHECK(file.metadata().at("note") == "here");
  CHECK(file.entries().size() == gpt.Parameters().size());
  // Conv1D: (in, out).
  CHECK(file.At("h.0.attn.c_attn.weight").dims == std::vector<int64_t>{4, 12});
  CHECK(file.At("h.0.attn.c_proj.weight").dims == std::vector<int64_t>{4, 4});
  CHECK(file.At("h.1.mlp.c_fc.weight").dims == std::vector<int64_t>{4, 16});
  CHECK(file.At("h.1.mlp.c_proj.weight").dims == std::vector<int64_t>{16, 4});
  CHECK(file.At("wte.weight").dims == std::vector<int64_t>{7, 4});
  CHECK_FALSE(file.Contains("lm_head.weight"));
  const auto stored = file.Load("h.0.attn.c_attn.weight").ToVector<float>();
  for (const NamedTensor& p : gpt.Parameters()) {
    if (p.name != "h.0.attn.c_attn.weight") continue;
    const auto ours = p.tensor.ToVector<float>();  // (12, 4)
    CHECK(ours[5 * 4 + 2] == stored[2 * 12 + 5]);
  }

  Gpt loaded(kTiny, Device::Cpu(), 2);
  LoadGpt(folder / "gpt", loaded);
  CHECK(Values(loaded) == Values(gpt));
}

TEST_CASE("The vocabulary's padding is not stored, and dtypes are converted on the way in") {
  const TemporaryFolder folder;
  GptOptions options = kTiny;
  options.vocab_multiple = 8;
  const Gpt gpt(options, Device::Cpu(), 1);
  SaveGpt(folder / "gpt", gpt);
  CHECK(SafetensorsFile(folder / "gpt").At("wte.weight").dims == std::vector<int64_t>{7, 4});
  Gpt plain(kTiny, Device::Cpu(), 2);
  LoadGpt(folder / "gpt", plain);
  Gpt padded(options, Device::Cpu(), 3);
  LoadGpt(folder / "gpt", padded);
  CHECK(Values(padded) == Values(gpt));

  options.dtype = DType::kBF16;
  Gpt narrow(options, Device::Cpu(), 3);
  LoadGpt(folder / "gpt", narrow);
  SaveGpt(folder / "bf16", narrow);
  const SafetensorsFile file(folder / "bf16");
  CHECK(file.At("wte.weight").dtype == "BF16");
  LoadGpt(folder / "bf16", plain);
  const ParameterList a = gpt.Parameters(), b = narrow.Parameters(), c = plain.Parameters();
  for (size_t i = 1; i < a.size(); ++i) {  // 0 is wte, with another number of rows
    const Tensor rounded = Cast(a[i].tensor.Detach(), DType::kBF16);
    CHECK(rounded.ToVector<BFloat16>().size() == b[i].tensor.ToVector<BFloat16>().size());
    CHECK(Cast(rounded, DType::kF32).ToVector<float>() == c[i].tensor.ToVector<float>());
  }
}

TEST_CASE("Hugging Face's prefix, masks and tied output layer are understood") {
  const TemporaryFolder folder;
  const Gpt gpt(kTiny, Device::Cpu(), 1);
  SaveGpt(folder / "bare", gpt);
  const SafetensorsFile file(folder / "bare");
  ParameterList tensors;
  for (const auto& entry : file.entries()) {
    tensors.push_back({"transformer." + entry.name, file.Load(entry.name)});
  }
  tensors.push_back({"transformer.h.0.attn.bias", Tensor::Zeros({1, 1, 5, 5})});
  tensors.push_back({"transformer.h.0.attn.masked_bias", Tensor::Zeros({})});
  tensors.push_back({"lm_head.weight", file.Load("wte.weight")});
  SaveSafetensors(folder / "prefixed", tensors);

  Gpt loaded(kTiny, Device::Cpu(), 2);
  LoadGpt(folder / "prefixed", loaded);
  CHECK(Values(loaded) == Values(gpt));

  Gpt longer({.vocab_size = 7, .block_size = 6, .layers = 2, .heads = 2, .channels = 4},
             Device::Cpu(), 2);
  CHECK_THROWS_WITH(LoadGpt(folder / "prefixed", longer),
                    Catch::Contains("transformer.wpe.weight is (5, 4) in the file, but the model "
                                    "has (6, 4)"));
}

}  // namespace
}  // namespace convoy
