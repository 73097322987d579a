// Files of other kinds: each is named, whoever reads it, and what is wanted is never refused.
#include "models/io/file_kind.h"

#include <catch2/catch.hpp>

#include "core/base/error.h"
#include "models/data/idx.h"
#include "models/data/text.h"
#include "models/data/tokens.h"
#include "models/io/safetensors.h"
#include "tests/models/data/temporary_folder.h"

namespace convoy {
namespace {

using Catch::Contains;
using namespace std::string_literals;

/// 1024 bytes of a header of llm.c.
std::string Llmc(uint32_t magic, uint32_t version) {
  std::string header(1024, '\0');
  for (size_t i = 0; i < 4; ++i) {
    header[i] = static_cast<char>(magic >> (8 * i));
    header[4 + i] = static_cast<char>(version >> (8 * i));
  }
  return header;
}

/// A text in ASCII with a zero byte after each character, between `before` and `after`.
std::string Utf16(std::string before, const std::string& text, const std::string& after) {
  for (const char c : text) before += {c, '\0'};
  return before + after;
}

struct Sample {
  std::string name;
  std::string content;
  std::string kind;
};

/// The first bytes of files as their own programs write them, with enough behind.
std::vector<Sample> Samples() {
  const std::string rest = "\0\1\2\3\4\5\6\7"s + std::string(592, '\5');
  const std::string zip = "PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"s;
  return {
      {"a.npy", "\x93NUMPY\1\0v\0{'descr': '<u2', 'fortran_order': False, "s + rest,
       "a NumPy array (.npy)"},
      {"a.npz", zip + "\x9\0\0\0arr_0.npy"s + rest, "an archive of NumPy arrays (.npz)"},
      {"pytorch_model.bin", zip + "\x10\0\0\0archive/data.pkl"s + rest,
       "a file of torch.save (a zip archive)"},
      {"a.zip", zip + "\x5\0\0\0a.txt"s + rest, "a zip archive"},
      {"old.pt", "\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.\x80\2M\xe9\3."s + rest,
       "a file of an old torch.save (a pickle)"},
      {"a.pkl", "\x80\4\x95\x1a\0\0\0\0\0\0\0]\x94(K\1K\2K\3e."s, "a Python pickle"},
      {"b.pkl", "\x80\2}q\0(X\1\0\0\0aq\1K\1u."s, "a Python pickle"},
      {"a.h5", "\x89HDF\r\n\x1a\n\0\0\0\0"s + rest, "an HDF5 file"},
      {"a.gguf", "GGUF\3\0\0\0\x23\1\0\0"s + rest, "a GGUF file (llama.cpp's)"},
      {"ggml.bin", "tjgg\3\0\0\0"s + rest, "a GGML file (llama.cpp's older format)"},
      {"stories.bin", "24ka\1\0\0\0"s + rest, "llama2.c's file of a model"},
      {"a.onnx", "\x8\x8\x12\x7pytorch\x1a\5"s + rest, "an ONNX model"},
      {"a.parquet", "PAR1\x15\4\x15"s + rest, "a Parquet table"},
      {"a.arrow", "ARROW1\0\0\xff\xff\xff\xff"s + rest, "an Arrow table"},
      {"stream.arrow", "\xff\xff\xff\xff\x78\1\0\0\x10"s + rest, "an Arrow table"},
      {"a.mat", "MATLAB 5.0 MAT-file, Platform: posix"s + rest, "a MATLAB file (.mat)"},
      {"a.db", "SQLite format 3\0\x10\0\1\1"s + rest, "an SQLite data base"},
      {"a.idx", "MMIDIDX\0\0\1\0\0\0"s + rest, "Megatron's index of a data set (.idx)"},
      {"model.bin", Llmc(20240326, 3) + rest, "llm.c's file of a model"},
      {"llama3.bin", Llmc(20240803, 3) + rest, "llm.c's file of a model"},
      {"debug.bin", Llmc(20240327, 2) + rest, "llm.c's debugging state"},
      {"state.bin", Llmc(20240527, 1) + rest, "llm.c's state of an optimizer"},
      {"tokenizer.bin", Llmc(20240328, 2) + rest, "llm.c's tokenizer"},
      {"hellaswag.bin", Llmc(20240522, 1) + rest, "llm.c's file of multiple-choice questions"},
      {"a.gz", "\x1f\x8b\x08\0\0\0\0\0\0\3"s + rest, "compressed by gzip"},
      {"a.zst", "\x28\xb5\x2f\xfd\4"s + rest, "compressed by zstd"},
      {"a.xz", "\xfd\x37zXZ\0\0\4"s + rest, "compressed by xz"},
      {"a.bz2", "BZh91AY&SY\x15"s + rest, "compressed by bzip2"},
      {"a.lz4", "\4\"M\x18\x64"s + rest, "compressed by lz4"},
      {"a.tar", "text/"s + std::string(252, '\0') + "ustar\0\60\60"s + rest, "a tar archive"},
      {"a.png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR"s + rest, "a PNG image"},
      {"a.jpg", "\xff\xd8\xff\xe0\0\x10JFIF"s + rest, "a JPEG image"},
      {"a.pdf", "%PDF-1.5\n%\xe2\xe3\xcf\xd3\n\0"s + rest, "a PDF document"},
      {"a.out", "\x7f\x45LF\2\1\1\0"s + rest, "a program or library (ELF)"},
      {"utf16.txt", Utf16("\xff\xfe", "Hello to all of you", ""), "a text in UTF-16"},
      {"big.txt", Utf16("\xfe\xff"s + '\0', "Hello to all of you", " "), "a text in UTF-16"},
      {"lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
       "a pointer of Git LFS"},
  };
}

const std::string kText = "Once upon a time there was a text of some length.\n";
const std::string kIndex =
    "{\n  \"metadata\": {\n    \"total_size\": 548105171\n  },\n  \"weight_map\": {\n    "
    "\"lm_head.weight\": \"model-00001-of-00002.safetensors\"\n  }\n}\n";
const std::string kSafetensors =
    "\x38\0\0\0\0\0\0\0{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"s +
    std::string(2, ' ') + std::string(8, '\0');
const std::string kLabels = "\0\0\x8\1\0\0\0\3\5\6\7"s;

/// What each reader says of a file.
struct Errors {
  std::string tokens, text, images, weights;
};

Errors Read(const std::string& path) {
  const auto error = [&](auto read) -> std::string {
    try {
      read();
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  return {error([&] { ReadTokens(path, 65536); }), error([&] { CharText::FromFile(path); }),
          error([&] { ReadIdx(path, 1); }), error([&] { SafetensorsFile file(path); })};
}

TEST_CASE("A file of a foreign kind is named by every reader") {
  const TemporaryFolder folder;
  for (const Sample& sample : Samples()) {
    CAPTURE(sample.name);
    const std::string path = folder.Write(sample.name, sample.content);
    const std::string is = "'" + path + "' is " + sample.kind + ", but ";
    const Errors errors = Read(path);
    CHECK_THAT(errors.tokens, Contains("[Tokens] " + is + "a file of tokens is wanted here; "));
    CHECK_THAT(errors.text, Contains("[CharText] " + is + "a UTF-8 text is wanted here; "));
    CHECK_THAT(errors.weights,
               Contains("[Safetensors] " + is + "a safetensors file is wanted here; "));
    if (sample.kind != "compressed by gzip" && sample.kind != "a Python pickle") {
      CHECK_THAT(errors.images,
                 Contains("[Idx] " + is + "an IDX file like MNIST's is wanted here; "));
    }
  }
}

TEST_CASE("What one reader wants is named by the others, with the flag that it goes to") {
  const TemporaryFolder folder;
  const Errors weights = Read(folder.Write("m.safetensors", kSafetensors));
  CHECK(weights.weights.empty());
  CHECK_THAT(weights.tokens, Contains("is a safetensors file, but a file of tokens is wanted") &&
                                 Contains("weights go to --init"));
  CHECK_THAT(weights.text, Contains("is a safetensors file, but a UTF-8 text is wanted"));
  CHECK_THAT(weights.images, Contains("is a safetensors file, but an IDX file"));

  const Errors text = Read(folder.Write("text.bin", kText));
  CHECK(text.text.empty());
  CHECK_THAT(text.tokens, Contains("is a text, but a file of tokens is wanted here; a text is "
                                   "learned by characters if its name does not end in .bin"));
  CHECK_THAT(text.weights, Contains("is a text, but a safetensors file is wanted here; data to "
                                    "learn from goes to --data"));

  for (const auto& [magic, version, width] :
       {std::tuple{20240520u, 1u, 2u}, std::tuple{20240801u, 7u, 4u}}) {
    std::string content = Llmc(magic, version);
    content[8] = 3;
    const Errors tokens = Read(folder.Write("tokens", content + std::string(3 * width, '\1')));
    // Of 32 bits, 0x01010101 is a number beyond the vocabulary.
    if (width == 2) CHECK(tokens.tokens.empty());
    if (width == 4) CHECK_THAT(tokens.tokens, Contains("token 16843009 at place 0"));
    CHECK_THAT(tokens.text, Contains("tokens are read from a file whose name ends in .bin"));
    CHECK_THAT(tokens.weights, Contains(width == 2 ? "is llm.c's file of 16-bit tokens"
                                                   : "is llm.c's file of 32-bit tokens"));
  }

  const Errors labels = Read(folder.Write("labels", kLabels));
  CHECK(labels.images.empty());
  CHECK_THAT(labels.tokens, Contains("is an IDX file (MNIST's format), but a file of tokens"));
}

TEST_CASE("The index of a sharded checkpoint is told from other JSON") {
  const TemporaryFolder folder;
  CHECK_THAT(Read(folder.Write("model.safetensors.index.json", kIndex)).weights,
             Contains("is the index of a sharded checkpoint, but a safetensors file is wanted "
                      "here; it names the files of a checkpoint that is cut into several"));
  CHECK_THAT(Read(folder.Write("renamed", kIndex)).weights, Contains("is the index of a sharded"));
  const std::string config = "{\"model_type\": \"gpt2\", \"n_head\": 12}";
  CHECK_THAT(Read(folder.Write("config.json", config)).weights, Contains("is a JSON text, but"));
  CHECK_THAT(Read(folder.Write("a.bin", config)).tokens, Contains("is a JSON text, but"));
  CHECK(Read(folder.Write("data.json", config)).text.empty());  // a text to learn from
  CHECK_THAT(Read(folder.Write("page", "<!DOCTYPE html><html><body>404</body></html>")).weights,
             Contains("is a web page (HTML), but") && Contains("was this a download that failed?"));
}

TEST_CASE("Texts and tokens that begin like something else are read all the same") {
  const TemporaryFolder folder;
  for (const char* start : {"GGUF", "PAR1", "%PDF-1.5", "ORCHESTRA", "24ka", "PK", "BZh9"}) {
    CHECK(Read(folder.Write("text", start + (" is how it begins; " + kText))).text.empty());
  }
  CHECK(Read(folder.Write("text", "Größe: " + std::string(5000, 'x') + "ß")).text.empty());
  // The two bytes that open gzip files, pickles, zip archives, JPEG and UTF-16 are also tokens.
  for (const std::string& first : {"\x1f\x8b"s, "\x80\x02"s, "\x80\x04"s, "PK"s, "BZ"s, "\xff\xd8"s,
                                   "\xff\xfe"s, "{\""s, "\0\0"s}) {
    std::string tokens = first;
    for (int i = 0; i < 400; ++i) {
      const int token = i * i * 31 % 50257;
      tokens += {static_cast<char>(token & 255), static_cast<char>(token >> 8)};
    }
    CAPTURE(static_cast<int>(first[0]), static_cast<int>(first[1]));
    CHECK(ReadTokens(folder.Write("t.bin", tokens), 65536).size() == 401);
  }
}

}  // namespace
}  // namespace convoy
