// safetensors files: written to the byte, read back, and refused when they are not right.
#include "models/io/safetensors.h"

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/random.h"
#include "tests/models/data/temporary_folder.h"

namespace convoy {
namespace {

using Catch::Contains;

std::string Content(const std::string& path) {
  return ReadWholeFile("test", path, int64_t{1} << 30);
}

// A file with this header and so many zero bytes of data.
std::string FileOf(const std::string& header, size_t data_bytes = 0) {
  std::string file(8, '\0');
  const uint64_t bytes = header.size();
  std::memcpy(file.data(), &bytes, 8);
  return file + header + std::string(data_bytes, '\0');
}

size_t FilesIn(const std::string& folder) {
  const auto files = std::filesystem::directory_iterator(folder);
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

TEST_CASE("A file is what the format says, to the byte") {
  const TemporaryFolder folder;
  const std::string path = folder / "m.safetensors";
  SaveSafetensors(path,
                  {{"b", Tensor::From<uint8_t>({2}, {1, 2})},
                   {"z", Tensor::From<float>({1, 1}, {1.5f})},
                   {"a", Tensor::Scalar(2.0f)}},
                  {{"format", "pt"}});
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
      R"("z":{"dtype":"F32","shape":[1,1],"data_offsets":[4,8]},)"
      R"("b":{"dtype":"U8","shape":[2],"data_offsets":[8,10]}})";
  const std::string content = Content(path);
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, content.data(), 8);
  REQUIRE(header_bytes % 8 == 0);
  REQUIRE(header_bytes == (header.size() + 7) / 8 * 8);
  REQUIRE(content.substr(8, header_bytes) ==
          header + std::string(header_bytes - header.size(), ' '));
  REQUIRE(content.substr(8 + header_bytes) ==
          std::string("\x00\x00\x00\x40\x00\x00\xc0\x3f\x01\x02", 10));
}

TEST_CASE("Every dtype and shape comes back as it was") {
  const TemporaryFolder folder;
  const std::string path = folder / "m.safetensors";
  const Tensor normal = Tensor::Empty({3, 5, 7});
  Random(1).Normal(normal, 0, 1);
  const ParameterList saved = {
      {"f32", normal},
      {"f64", Tensor::From<double>({2}, {1e300, -0.0})},
      {"bf16", Tensor::Full({3}, 1.25, {DType::kBF16, {}})},
      {"f16", Tensor::Full({5}, -2, {DType::kF16, {}})},
      {"i32", Tensor::From<int32_t>({1}, {INT32_MIN})},
      {"i64", Tensor::From<int64_t>({1}, {INT64_MAX})},
      {"u8", Tensor::From<uint8_t>({3}, {0, 128, 255})},
      {"bool", Tensor::Full({3}, 1, {DType::kBool, {}})},
      {"scalar", Tensor::Scalar(3.0f)},
      {"empty", Tensor::Zeros({4, 0, 2})},
      {"näme with \"quotes\"", Tensor::Scalar(4.0f)},
  };
  SaveSafetensors(path, saved);
  const SafetensorsFile file(path);
  REQUIRE(file.entries().size() == saved.size());
  REQUIRE(file.metadata().empty());
  for (const auto& [name, tensor] : saved) {
    CAPTURE(name);
    const Tensor loaded = file.Load(name, Device::Cpu(1));
    REQUIRE(loaded.shape() == tensor.shape());
    REQUIRE(loaded.dtype() == tensor.dtype());
    REQUIRE(loaded.device() == Device::Cpu(1));
    REQUIRE(std::memcmp(loaded.raw_data(), tensor.raw_data(), tensor.bytes()) == 0);
  }
  SaveSafetensors(path, {});
  REQUIRE(SafetensorsFile(path).entries().empty());
}

TEST_CASE("Loading by name touches nothing unless it fits") {
  const TemporaryFolder folder;
  const std::string path = folder / "m.safetensors";
  SaveSafetensors(path, {{"a", Tensor::Full({2}, 1)}, {"b", Tensor::Full({3}, 2)}});
  const SafetensorsFile file(path);
  const Tensor a = Tensor::Zeros({2}), b = Tensor::Zeros({3}), c = Tensor::Zeros({1});

  REQUIRE_THROWS_WITH(file.LoadInto("c", c),
                      "[Safetensors] '" + path + "' holds no tensor 'c' (it holds 2)");
  const Tensor column = Tensor::Zeros({3, 1}), narrow = Tensor::Zeros({3}, {DType::kBF16, {}});
  REQUIRE_THROWS_WITH(
      file.LoadInto("b", column),
      "[Safetensors] '" + path + "', tensor 'b': expected F32 (3, 1), found F32 (3)");
  REQUIRE_THROWS_WITH(file.LoadInto("b", narrow),
                      Contains("tensor 'b': expected BF16 (3), found F32 (3)"));
  REQUIRE_THROWS_WITH(file.CheckFits("b", a), Contains("tensor 'b': expected F32 (2), found F32"));
  REQUIRE(column.ToVector<float>() == std::vector<float>{0, 0, 0});

  file.LoadInto("a", a);
  REQUIRE(a.ToVector<float>() == std::vector<float>{1, 1});
  REQUIRE(file.Contains("b"));
  REQUIRE_FALSE(file.Contains("c"));
  file.LoadInto("b", b);
  REQUIRE(b.ToVector<float>() == std::vector<float>{2, 2, 2});
  REQUIRE(c.Item<float>() == 0);
}

TEST_CASE("Saving refuses names that a file cannot hold") {
  const TemporaryFolder folder;
  const std::string path = folder / "m";
  const Tensor x = Tensor::Scalar(1.0f);
  REQUIRE_THROWS_WITH(SaveSafetensors(path, {{"x", x}, {"x", x}}),
                      "[Safetensors] '" + path + "': two tensors are called 'x'");
  REQUIRE_THROWS_WITH(SaveSafetensors(path, {{"__metadata__", x}}),
                      Contains("a tensor cannot be called __metadata__"));
  REQUIRE_THROWS_WITH(SaveSafetensors(path, {{"\xff", x}}), Contains("must be UTF-8"));
  REQUIRE_THROWS_WITH(SaveSafetensors(path, {{"x", Tensor()}}), Contains("'x' is undefined"));
  REQUIRE(FilesIn(folder.path()) == 0);
}

TEST_CASE("A save that fails leaves the old file and nothing else") {
  const TemporaryFolder folder;
  const std::string path = folder / "m.safetensors";
  SaveSafetensors(path, {{"a", Tensor::Full({2}, 1)}});
  const std::string before = Content(path);

  rlimit old_limit{};
  getrlimit(RLIMIT_FSIZE, &old_limit);
  rlimit limit = old_limit;
  limit.rlim_cur = 1000;  // the disk is "full" after so many bytes
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &limit);
  std::string message;
  try {
    SaveSafetensors(path, {{"a", Tensor::Full({5000}, 2)}});
  } catch (const Error& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);

  REQUIRE(message == "[Safetensors] cannot write '" + path +
                         "': File too large (after 1000 bytes); the limit to the size of files "
                         "(ulimit -f) is in the way; nothing was changed there");
  REQUIRE(Content(path) == before);
  REQUIRE(FilesIn(folder.path()) == 1);

  REQUIRE_THROWS_WITH(SaveSafetensors(folder / "none/m", {}),
                      "[Safetensors] cannot write '" + (folder / "none/m") +
                          "': there is no folder '" + (folder / "none") + "'");
  std::filesystem::create_directory(folder / "taken");
  REQUIRE_THROWS_WITH(SaveSafetensors(folder / "taken", {}),
                      Contains("is a folder; give the name of a file"));
  REQUIRE(FilesIn(folder.path()) == 2);
}

TEST_CASE("Files that are cut short or are no safetensors files are named as such") {
  const TemporaryFolder folder;
  const std::string f = folder / "f";
  const auto open = [&](const std::string& content) {
    folder.Write("f", content);
    return SafetensorsFile(f);
  };
  REQUIRE_THROWS_WITH(
      SafetensorsFile(folder / "none"),
      "[Safetensors] cannot open '" + (folder / "none") + "': No such file or directory");
  REQUIRE_THROWS_WITH(SafetensorsFile(folder.path()),
                      Contains("is a folder, and a file is expected"));
  REQUIRE_THROWS_WITH(open(""),
                      "[Safetensors] '" + f + "' is truncated: expected 8 bytes or more, found 0");
  REQUIRE_THROWS_WITH(
      open("\1\2\3\4\5\6\7\x8 of no kind"),
      Contains("a header of 578437695752307201 bytes") && Contains("this is no safetensors file"));
  REQUIRE_THROWS_WITH(open(FileOf("{}").substr(0, 9)),
                      "[Safetensors] '" + f +
                          "' is truncated: expected a header of 2 bytes, the file has 9 in all");
  REQUIRE_THROWS_WITH(open(FileOf("")), Contains("must begin with '{'"));
  REQUIRE_THROWS_WITH(open(FileOf("[{}]")), Contains("must begin with '{'"));
  // As the reference reader does, but for what the format says of the first byte.
  REQUIRE(open(FileOf(" \n{}")).entries().empty());
  REQUIRE_THROWS_WITH(open(FileOf("{\"a\":")), Contains("not valid JSON") && Contains(f));
  REQUIRE_THROWS_WITH(open(FileOf("{} x")), Contains("not valid JSON"));
  REQUIRE(open(FileOf("{}  ")).entries().empty());
  REQUIRE_THROWS_WITH(
      open(FileOf(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7)),
      "[Safetensors] '" + f +
          "': its header promises 8 bytes of data, but the file holds 7; it is truncated");
  REQUIRE_THROWS_WITH(open(FileOf(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 9)),
                      Contains("promises 8 bytes of data, but the file holds 9"));
}

TEST_CASE("Headers that do not add up are refused, whatever they promise") {
  const TemporaryFolder folder;
  const std::string f = folder / "f";
  const auto refuses = [&](const std::string& header, const std::string& reason) {
    folder.Write("f", FileOf(header, 8));
    CAPTURE(header);
    REQUIRE_THROWS_WITH(SafetensorsFile(f), Contains(reason) && Contains("'" + f + "'"));
  };
  const auto entry = [](const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return R"("a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
           "}";
  };
  const std::string good = entry("F32", "[2]", "[0,8]");

  refuses("{" + good + "," + good + "}", "key 'a' occurs twice");
  refuses(R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
          "key 'dtype' occurs twice");
  refuses("{" + entry("F33", "[2]", "[0,8]") + "}", "tensor 'a': unknown dtype 'F33'");
  refuses("{" + entry("F32", "[3]", "[0,8]") + "}",
          "tensor 'a': shape [3] of F32 wants 12 bytes, but data_offsets [0, 8] span 8");
  refuses("{" + entry("F32", "[4611686018427387904,4]", "[0,8]") + "}", "larger than any file");
  refuses("{" + entry("F32", "[4294967296,4294967296]", "[0,0]") + "}", "larger than any file");
  refuses("{" + entry("U8", "[9000000000000000000]", "[0,9000000000000000000]") + "}",
          "larger than any file");
  refuses("{" + entry("U8", "[1000000000000000000]", "[0,1000000000000000000]") + "}",
          "promises 1000000000000000000 bytes of data, but the file holds 8");
  refuses("{" + entry("F32", "[18446744073709551616]", "[0,8]") + "}", "whole numbers");
  refuses("{" + entry("F32", "[-2]", "[0,8]") + "}", "whole numbers of 0 or more, found -2");
  refuses("{" + entry("F32", "[2.0]", "[0,8]") + "}", "whole numbers of 0 or more, found 2.0");
  refuses("{" + entry("F32", "[2]", "[8,0]") + "}", "run backwards");
  refuses("{" + entry("F32", "[2]", "[0]") + "}", "expected dtype");
  refuses("{" + entry("F32", "2", "[0,8]") + "}", "expected dtype");
  refuses(R"({"a":{"dtype":"F32","shape":[2]}})", "expected dtype");
  refuses(R"({"a":3})", "tensor 'a': expected dtype");
  refuses("{" + entry("F32", "[[2]]", "[0,8]") + "}", "whole numbers of 0 or more, found [2]");
  refuses(R"({"__metadata__":{"k":1},)" + good + "}", "__metadata__ 'k' must be text");
  refuses(R"({"__metadata__":[],)" + good + "}", "__metadata__ must be an object");
  refuses(
      "{" + entry("F32", "[1]", "[4,8]") + "}",
      "tensor 'a': data must follow without holes or overlaps: expected to begin at 0, found 4");
  refuses(
      "{" + good + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
      "tensor 'b': data must follow without holes or overlaps: expected to begin at 8, found 4");
  refuses("{" + std::string(100000, '[') + "}", "not valid");
  refuses(R"({"a":)" + std::string(100000, '['), "nested too deep");
}

TEST_CASE("Fields that the format does not name are passed over, and null is no metadata") {
  const TemporaryFolder folder;
  const SafetensorsFile file(folder.Write(
      "f", FileOf(R"({"__metadata__":null,"a":{"dtype":"U8","shape":[2],"strides":[[1]],)"
                  R"("by":{"whom":null},"data_offsets":[0,2]}})") +
               "\3\4"));
  REQUIRE(file.metadata().empty());
  REQUIRE(file.Load("a").ToVector<uint8_t>() == std::vector<uint8_t>{3, 4});
}

TEST_CASE("Types and shapes that no tensor has are read past, and refused only when asked for") {
  const TemporaryFolder folder;
  const SafetensorsFile file(folder.Write(
      "f", FileOf(R"({"i16":{"dtype":"I16","shape":[2],"data_offsets":[0,4]},)"
                  R"("deep":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[4,5]},)"
                  R"("bad":{"dtype":"BOOL","shape":[1],"data_offsets":[5,6]},)"
                  R"("odd":{"dtype":"F32","shape":[0,9223372036854775807,9],"data_offsets":[6,6]},)"
                  R"("ok":{"dtype":"U8","shape":[2],"data_offsets":[6,8]}})") +
               std::string("\0\0\0\0\0\2\3\4", 8)));
  REQUIRE(file.Load("ok").ToVector<uint8_t>() == std::vector<uint8_t>{3, 4});
  REQUIRE_THROWS_WITH(file.Load("i16"), Contains("tensor 'i16': no tensor can have dtype I16"));
  REQUIRE_THROWS_WITH(file.Load("deep"), Contains("tensor 'deep'"));
  REQUIRE_THROWS_WITH(file.Load("bad"), Contains("tensor 'bad': BOOL bytes must be 0 or 1"));
  REQUIRE(file.Contains("odd"));
  REQUIRE_THROWS_WITH(file.Load("none"), Contains("holds no tensor 'none'"));
}

TEST_CASE("A header may not be longer than the format allows") {
  const TemporaryFolder folder;
  std::string content = FileOf("{}");
  const uint64_t bytes = 100'000'001;
  std::memcpy(content.data(), &bytes, 8);
  REQUIRE_THROWS_WITH(SafetensorsFile(folder.Write("f", content)),
                      Contains("a header of 100000001 bytes, the format allows 100000000"));
}

}  // namespace
}  // namespace convoy
