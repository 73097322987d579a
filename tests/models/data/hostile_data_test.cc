// Data files that are made to harm, or are no files: refused at once and at a small price.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <zlib.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "models/data/idx.h"
#include "models/data/text.h"
#include "models/data/tokens.h"
#include "models/io/safetensors.h"
#include "tests/models/data/temporary_folder.h"
#include "tests/peak_memory.h"

namespace convoy {
namespace {

using Catch::Contains;

std::string IdxHeader(const std::vector<uint32_t>& dims) {
  std::string header{0, 0, 8, static_cast<char>(dims.size())};
  for (const uint32_t dim : dims) {
    for (int shift = 24; shift >= 0; shift -= 8) header += static_cast<char>(dim >> shift & 255);
  }
  return header;
}

// A gzip file of `header` and so many zero bytes.
void WriteGzip(const std::string& path, const std::string& header, size_t zeros) {
  const gzFile file = gzopen(path.c_str(), "wb9");
  REQUIRE(file != nullptr);
  REQUIRE(gzwrite(file, header.data(), static_cast<unsigned>(header.size())) > 0);
  const std::string piece(1 << 20, '\0');
  for (; zeros > 0; zeros -= std::min(zeros, piece.size())) {
    REQUIRE(gzwrite(file, piece.data(), static_cast<unsigned>(std::min(zeros, piece.size()))) > 0);
  }
  REQUIRE(gzclose(file) == Z_OK);
}

TEST_CASE("A compressed file that promises more than it holds costs what it holds") {
  if (!MeasuresMemory()) return;
  const TemporaryFolder folder;
  const std::string path = folder / "images.gz";
  constexpr int64_t kMiB = 1 << 20;
  const auto refuses = [&](const std::vector<uint32_t>& dims, const std::string& start,
                           size_t zeros, const std::string& why) {
    WriteGzip(path, IdxHeader(dims) + start, zeros);
    const Outcome outcome = RunApart([&] { ReadIdx(path, 3); });
    CAPTURE(dims, zeros, outcome.peak_bytes / kMiB);
    CHECK(outcome.status == 0);
    CHECK_THAT(outcome.error, Contains(why) && Contains(path));
    CHECK(outcome.peak_bytes <= MostForRefusing(start.size() + zeros));
  };
  // A megabyte of noise that could be a gigabyte, and is not.
  std::string noise;
  for (std::minstd_rand random(1); noise.size() < kMiB;) {
    noise += static_cast<char>(random() >> 16);
  }
  refuses({1000, 1000, 1000}, noise, 0,
          "is truncated: expected 1000 x 1000 x 1000 = 1000000000 bytes, found 1048576");
  refuses({1000, 1000, 1000}, noise, 150'000'000, "found 151048576");
  refuses({1000, 1000, 100}, noise, 100'000'000, "is longer than expected");
  refuses({1000, 1000, 1000}, "", 100'000'000, "cannot hold them");

  WriteGzip(path, IdxHeader({1000, 1000, 100}), 100'000'000);
  const IdxArray array = ReadIdx(path, 3);
  CHECK(array.values.size() == 100'000'000);
}

TEST_CASE("A text that is no UTF-8 costs its size") {
  if (!MeasuresMemory()) return;
  const TemporaryFolder folder;
  const std::string text = std::string(100'000'000, 'a') + "\xff";
  const std::string path = folder.Write("text", text);
  const Outcome outcome = RunApart([&] { CharText::FromFile(path); });
  CAPTURE(outcome.peak_bytes >> 20);
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.error, Contains("byte 0xff at offset 100000000 is not UTF-8"));
  CHECK(outcome.peak_bytes <= MostForRefusing(text.size()));
}

TEST_CASE("A token beyond the vocabulary costs the file's size") {
  if (!MeasuresMemory()) return;
  const TemporaryFolder folder;
  std::string tokens(100'000'000, '\1');
  tokens.back() = '\x70';
  const std::string path = folder.Write("f.bin", tokens);
  const Outcome outcome = RunApart([&] { ReadTokens(path, 1000); });
  CHECK_THAT(outcome.error, Contains("lies outside the vocabulary"));
  CHECK(outcome.peak_bytes <= MostForRefusing(tokens.size()));
}

TEST_CASE("What is no file is refused at once, by every reader") {
  const TemporaryFolder folder;
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string socket_path = folder / "socket";
  REQUIRE(socket_path.size() < sizeof(address.sun_path));
  std::strcpy(address.sun_path, socket_path.c_str());
  REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  int ends[2];  // what a shell makes of <(zcat FILE)
  REQUIRE(pipe(ends) == 0);
  REQUIRE(write(ends[1], "text", 4) == 4);
  close(ends[1]);

  const std::vector<std::pair<std::string, std::string>> places{
      {folder / "pipe", "is a pipe, and a file is expected: every worker reads it"},
      {"/dev/fd/" + std::to_string(ends[0]), "write them to a file first (zcat FILE.gz > FILE)"},
      {folder / "socket", "is a socket, and a file is expected"},
      {"/dev/null", "is a device, and a file is expected"},
      {folder.path(), "is a folder, and a file is expected"},
      {folder / "none", "No such file or directory"}};
  const std::vector<std::pair<const char*, std::function<void(const std::string&)>>> readers{
      {"[Safetensors] ", [](const std::string& path) { SafetensorsFile file(path); }},
      {"[CharText] ", [](const std::string& path) { CharText::FromFile(path); }},
      {"[Tokens] ", [](const std::string& path) { ReadTokens(path, 1000); }},
      {"[Idx] ", [](const std::string& path) { ReadIdx(path, 3); }}};
  for (const auto& [component, read] : readers) {
    for (const auto& [place, why] : places) {
      const Outcome outcome = RunApart([&] { read(place); });
      CAPTURE(component, place);
      CHECK(outcome.status == 0);
      CHECK_THAT(outcome.error,
                 Contains(component) && Contains("'" + place + "'") && Contains(why));
    }
  }
  close(ends[0]);
  close(listener);
}

}  // namespace
}  // namespace convoy
