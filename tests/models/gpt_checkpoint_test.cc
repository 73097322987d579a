// GPTs that transformers has written: its losses, its names, and what shapes do not tell.
#include "models/gpt_checkpoint.h"

#include <catch2/catch.hpp>
#include <cstdio>

#include "models/checkpoint.h"
#include "models/io/safetensors.h"
#include "models/mlp_checkpoint.h"
#include "ops/cast.h"
#include "tests/models/data/temporary_folder.h"
#include "tests/models/safetensors_text.h"

namespace convoy {
namespace {

using Catch::Contains;

// testdata/README.md says how the files and the figures were made.
constexpr char kTied[] = "tests/models/testdata/gpt2_tied.safetensors";
constexpr char kUntied[] = "tests/models/testdata/gpt2_untied.safetensors";
constexpr double kTiedLoss = 3.8487063778945494;
constexpr double kUntiedLoss = 3.6400015654874562;
constexpr double kExactGeluLoss = 3.8486980770817962;
constexpr double kLargeEpsLoss = 3.8487481559078502;
constexpr double kFourHeadsLoss = 3.834658622880392;

GptOptions Options(bool tied = true) {
  return {.vocab_size = 17,
          .block_size = 8,
          .layers = 2,
          .heads = 2,
          .channels = 8,
          .tie_embeddings = tied,
          .dtype = DType::kF64};
}

double Loss(Gpt& gpt) {
  std::vector<int32_t> tokens, labels;
  for (int32_t i = 0; i < 8; ++i) {
    tokens.push_back(i * i * 5 % 17);
    labels.push_back((i + 1) * (i + 1) * 5 % 17);
  }
  for (int32_t i = 0; i < 8; ++i) {
    tokens.push_back((3 * i + 1) % 17);
    labels.push_back((3 * i + 4) % 17);
  }
  const EvalMode eval(gpt);
  return gpt.Loss(Tensor::From({2, 8}, tokens), Tensor::From({2, 8}, labels)).Item<double>();
}

double LossOf(const std::string& path, const GptOptions& options, LoadNotes* notes = nullptr) {
  Gpt gpt(options, Device::Cpu(), 1);
  const LoadNotes said = LoadGpt(path, gpt);
  if (notes != nullptr) *notes = said;
  return Loss(gpt);
}

Approx Exactly(double value) { return Approx(value).epsilon(1e-12); }

Tensor Parameter(const Gpt& gpt, const std::string& name) {
  for (const NamedTensor& p : gpt.Parameters()) {
    if (p.name == name) return p.tensor.Detach();
  }
  FAIL("no parameter " << name);
  return {};
}

TEST_CASE("A tied and an untied GPT-2 of transformers have the losses that transformers computes") {
  CHECK_FALSE(HasOwnOutputLayer(kTied));
  CHECK(HasOwnOutputLayer(kUntied));
  CHECK(LossOf(kTied, Options()) == Exactly(kTiedLoss));
  CHECK(LossOf(kUntied, Options(false)) == Exactly(kUntiedLoss));
  GptOptions padded = Options(false);
  padded.vocab_multiple = 32;
  CHECK(LossOf(kUntied, padded) == Exactly(kUntiedLoss));
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    GptOptions options = Options(false);
    options.dtype = dtype;
    Gpt gpt(options, Device::Cpu(), 1);
    LoadGpt(kUntied, gpt);
    const std::vector<int32_t> tokens{0, 5, 3, 11}, labels{5, 3, 11, 12};
    Gpt exact(Options(false), Device::Cpu(), 1);
    LoadGpt(kUntied, exact);
    const auto loss = [&](Gpt& model) {
      return Cast(model.Loss(Tensor::From({1, 4}, tokens), Tensor::From({1, 4}, labels)),
                  DType::kF32)
          .Item<float>();
    };
    CHECK(loss(gpt) == Approx(loss(exact)).epsilon(dtype == DType::kF32 ? 1e-6 : 0.05));
  }
}

TEST_CASE("Dense weights are transposed, square ones as well; the output layer is not") {
  Gpt gpt(Options(false), Device::Cpu(), 1);
  LoadGpt(kUntied, gpt);
  // In PyTorch, with its own reader: h.1.attn.c_proj.weight[1][3], [3][1], and so on.
  const auto square = Parameter(gpt, "h.1.attn.c_proj.weight").ToVector<double>();  // (out, in)
  CHECK(square[3 * 8 + 1] == 0.43017578125);
  CHECK(square[1 * 8 + 3] == -0.01107025146484375);
  CHECK(Parameter(gpt, "lm_head.weight").ToVector<double>()[2 * 8 + 5] == -0.1334228515625);
  CHECK(Parameter(gpt, "wte.weight").ToVector<double>()[2 * 8 + 5] == -0.1893310546875);
}

TEST_CASE("An untied GPT has as many parameters as in transformers, and generates as it does") {
  const Gpt tied(Options(), Device::Cpu(), 1);
  CHECK(tied.ParameterCount() == 1960);
  Gpt gpt(Options(false), Device::Cpu(), 1);
  CHECK(gpt.ParameterCount() == 2096);
  CHECK(gpt.Parameters().back().name == "lm_head.weight");
  LoadGpt(kUntied, gpt);
  CHECK(gpt.Generate({3, 1, 4}, {.tokens = 5, .temperature = 0}) ==
        std::vector<int32_t>{13, 13, 13, 13, 13});
}

TEST_CASE("An output layer of its own is never dropped, nor made up without a word") {
  const TemporaryFolder folder;
  Gpt tied(Options(), Device::Cpu(), 1), untied(Options(false), Device::Cpu(), 1);
  CHECK_THROWS_WITH(LoadGpt(kUntied, tied),
                    Contains("has an output layer of its own, lm_head.weight apart from "
                             "wte.weight; the model needs") &&
                        Contains("tie_embeddings = false (--untie-embeddings)"));
  CHECK(LoadGpt(kTied, untied) ==
        LoadNotes{"the output layer starts as a copy of the token table"});
  CHECK(Loss(untied) == Exactly(kTiedLoss));
  CHECK(LoadGpt(kUntied, untied).empty());

  // Saved and loaded again, by Convoy's own metadata even where both happen to be equal.
  SaveGpt(folder / "untied", untied);
  CHECK(SafetensorsFile(folder / "untied").At("lm_head.weight").dims ==
        std::vector<int64_t>{17, 8});
  CHECK(LossOf(folder / "untied", Options(false)) == Exactly(kUntiedLoss));
  LoadGpt(kTied, untied);
  SaveGpt(folder / "equal", untied);
  CHECK(HasOwnOutputLayer(folder / "equal"));
  CHECK_THROWS_WITH(LoadGpt(folder / "equal", tied), Contains("has an output layer of its own"));
  // Then no tensor stands for two.
  const std::string without =
      folder.Write("without", Edited(FileContent(folder / "equal"), "wte.weight", "wte.other"));
  CHECK_THROWS_WITH(LoadGpt(without, untied),
                    Contains("lacks 1 of the model's 29 tensors: wte.weight; it holds 1 that the "
                             "model has no use for: wte.other"));
}

TEST_CASE("Of a tied pair a file may hold either or both") {
  const TemporaryFolder folder;
  const std::string content = FileContent(kTied);
  LoadNotes notes;
  // As safetensors' save_model does: it keeps one name of each shared tensor.
  const std::string only = folder.Write(
      "only_head", Edited(content, "\"transformer.wte.weight\"", "\"lm_head.weight\""));
  CHECK_FALSE(HasOwnOutputLayer(only));
  CHECK(LossOf(only, Options(), &notes) == Exactly(kTiedLoss));
  CHECK(notes == LoadNotes{"lm_head.weight is the token table too"});
  CHECK(LossOf(only, Options(false)) == Exactly(kTiedLoss));

  // Both, equal: the bytes of the table, 17 x 8 x 2, once more at the end.
  const std::string header = HeaderOf(content);
  const size_t data_bytes = content.size() - 8 - header.size(), table_bytes = 17 * 8 * 2;
  const size_t entry = header.find("transformer.wte.weight");
  size_t begin = 0, end = 0;
  REQUIRE(std::sscanf(header.c_str() + header.find("data_offsets", entry),
                      "data_offsets\":[%zu,%zu", &begin, &end) == 2);
  REQUIRE(end - begin == table_bytes);
  const std::string table = content.substr(8 + header.size() + begin, table_bytes);
  const std::string both =
      WithHeader(content, header.substr(0, header.rfind('}')) +
                              ",\"lm_head.weight\":{\"dtype\":\"F16\",\"shape\":[17,8],"
                              "\"data_offsets\":[" +
                              std::to_string(data_bytes) + "," +
                              std::to_string(data_bytes + table_bytes) + "]}}");
  CHECK(LossOf(folder.Write("both", both + table), Options(), &notes) == Exactly(kTiedLoss));
  CHECK(notes.empty());
  std::string other = table;
  other[100] ^= 1;
  CHECK(HasOwnOutputLayer(folder.Write("differs", both + other)));
}

TEST_CASE("What wrappers of PyTorch put into names is dropped, and said") {
  const TemporaryFolder folder;
  const std::string content = FileContent(kTied);
  const auto prefixed = [&](const std::string& prefix) {
    return folder.Write("prefixed", Edited(content, "\"transformer.", "\"" + prefix));
  };
  LoadNotes notes;
  for (const auto& [prefix, said] : std::vector<std::pair<std::string, LoadNotes>>{
           {"", {}},
           {"_orig_mod.transformer.", {"names without '_orig_mod.'"}},
           {"_orig_mod.", {"names without '_orig_mod.'"}},
           {"module.transformer.", {"names without 'module.'"}},
           {"module._orig_mod.transformer.",
            {"names without '_orig_mod.'", "names without 'module.'"}},
           {"_orig_mod.module.", {"names without '_orig_mod.'", "names without 'module.'"}},
           {"transformer._orig_mod.", {"names without '_orig_mod.'"}},
           {"model.transformer.", {"names without 'model.'"}},
       }) {
    CAPTURE(prefix);
    CHECK(LossOf(prefixed(prefix), Options(), &notes) == Exactly(kTiedLoss));
    CHECK(notes == said);
  }
  // One name alone is no prefix; and who cannot load a file is told what it holds.
  const std::string odd =
      folder.Write("odd", Edited(content, "transformer.wpe.", "module.transformer.wpe."));
  Gpt gpt(Options(), Device::Cpu(), 1);
  CHECK_THROWS_WITH(LoadGpt(odd, gpt),
                    Contains("lacks 1 of the model's 28 tensors: wpe.weight; it holds 1 that the "
                             "model has no use for: module.transformer.wpe.weight"));
  CHECK_THROWS_WITH(LoadGpt(prefixed("gpt_neox."), gpt),
                    Contains("lacks 28 of the model's 28 tensors: wte.weight, wpe.weight, ") &&
                        Contains(" and 23 more; it holds 28 that the model has no use for: "
                                 "gpt_neox.h.0.attn.c_attn.bias, "));
}

TEST_CASE("Headers that the reference reader accepts are accepted") {
  const TemporaryFolder folder;
  const std::string content = FileContent(kTied), header = HeaderOf(content);
  const std::string no_metadata = Replaced(header, "{\"format\":\"pt\"}", "null");
  REQUIRE(no_metadata != header);
  for (const std::string& text :
       {no_metadata, " " + header, "\n\t" + header,
        Replaced(header, "\"dtype\"", "\"strides\":[[1]],\"note\":{\"by\":null},\"dtype\"")}) {
    CAPTURE(text.substr(0, 60));
    CHECK(LossOf(folder.Write("f", WithHeader(content, text)), Options()) == Exactly(kTiedLoss));
  }
}

TEST_CASE("What shapes do not tell is saved, and another value is refused") {
  const TemporaryFolder folder;
  GptOptions options = Options();
  options.heads = 4;
  options.gelu = GeluKind::kExact;
  options.layer_norm_eps = 1e-6;
  SaveGpt(folder / "gpt", Gpt(options, Device::Cpu(), 1));
  const Metadata metadata = SafetensorsFile(folder / "gpt").metadata();
  CHECK(metadata.at("model_type") == "gpt2");
  CHECK(metadata.at("n_head") == "4");
  CHECK(metadata.at("activation_function") == "gelu");
  CHECK(metadata.at("layer_norm_epsilon") == "1e-06");
  CHECK(metadata.at("tie_word_embeddings") == "true");
  CHECK(metadata.at("format") == "pt");
  LossOf(folder / "gpt", options);  // fits

  const auto refuses = [&](const GptOptions& other, const std::string& reason) {
    CHECK_THROWS_WITH(LossOf(folder / "gpt", other), Contains(reason));
  };
  GptOptions other = options;
  other.heads = 2;
  refuses(other,
          "was saved by a model with n_head 4 (according to its metadata), but this one has 2; set "
          "GptOptions::heads (--heads)");
  other = options;
  other.gelu = GeluKind::kTanh;
  refuses(other,
          "with activation_function gelu (according to its metadata), but this one has gelu_new");
  other = options;
  other.layer_norm_eps = 1e-5;
  refuses(other,
          "with layer_norm_epsilon 1e-06 (according to its metadata), but this one has 1e-05");

  const MlpOptions mlp{.in = 4, .hidden = {3}, .out = 2}, wider{.in = 4, .hidden = {5}, .out = 2};
  const Mlp model(mlp, Device::Cpu(), 1);
  SaveParameters(folder / "mlp", model.Parameters(), FactsOf(mlp));
  CHECK(SafetensorsFile(folder / "mlp").metadata() ==
        Metadata{{"model_type", "mlp"}, {"layer_sizes", "4-3-2"}, {"activation_function", "relu"}});
  CHECK_THROWS_WITH(
      LoadParameters(folder / "mlp", model.Parameters(), FactsOf(wider)),
      Contains("with layer_sizes 4-3-2 (according to its metadata), but this one has 4-5-2"));
  Gpt gpt(Options(), Device::Cpu(), 1);
  CHECK_THROWS_WITH(
      LoadGpt(folder / "mlp", gpt),
      Contains("with model_type mlp (according to its metadata), but this one has gpt2"));
}

TEST_CASE("A config.json beside a file without such metadata is compared") {
  const TemporaryFolder folder;
  const std::string path = folder.Write("model.safetensors", FileContent(kTied));
  const auto config = [&](const std::string& settings) {
    folder.Write("config.json", "{\"model_type\": \"gpt2\"" + settings + "}");
  };
  GptOptions options = Options();
  config(", \"n_head\": 4, \"activation_function\": \"gelu_new\"");
  CHECK_THROWS_WITH(
      LossOf(path, options),
      Contains("n_head 4 (according to the config.json beside it), but this one has 2"));
  options.heads = 4;
  CHECK(LossOf(path, options) == Exactly(kFourHeadsLoss));

  options = Options();
  config(", \"activation_function\": \"gelu\"");
  CHECK_THROWS_WITH(LossOf(path, options), Contains("activation_function gelu "));
  options.gelu = GeluKind::kExact;
  CHECK(LossOf(path, options) == Exactly(kExactGeluLoss));

  options = Options();
  config(", \"layer_norm_epsilon\": 0.01");
  CHECK_THROWS_WITH(LossOf(path, options), Contains("layer_norm_epsilon 0.01 "));
  options.layer_norm_eps = 1e-2;
  CHECK(LossOf(path, options) == Exactly(kLargeEpsLoss));

  options = Options();
  config(", \"activation_function\": \"gelu_pytorch_tanh\", \"layer_norm_epsilon\": 0.00001");
  CHECK(LossOf(path, options) == Exactly(kTiedLoss));
  config(", \"scale_attn_by_inverse_layer_idx\": true");
  CHECK_THROWS_WITH(LossOf(path, options), Contains("scale_attn_by_inverse_layer_idx true"));
  // Somebody else's file of that name, and one that is broken, say nothing.
  folder.Write("config.json", "{\"n_head\": 4}");
  CHECK(LossOf(path, options) == Exactly(kTiedLoss));
  folder.Write("config.json", "{\"model_type\": ");
  CHECK(LossOf(path, options) == Exactly(kTiedLoss));

  // The file's own metadata count for more.
  Gpt gpt(Options(), Device::Cpu(), 1);
  LoadGpt(kTied, gpt);
  SaveGpt(folder / "own.safetensors", gpt);
  config(", \"n_head\": 4");
  CHECK(LossOf(folder / "own.safetensors", Options()) == Exactly(kTiedLoss));
}

}  // namespace
}  // namespace convoy
