// Files of token numbers: both layouts, and what is wrong with others.
#include "models/data/tokens.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/models/data/temporary_folder.h"

namespace convoy {
namespace {

std::string Bytes(std::initializer_list<int> numbers, int width) {
  std::string bytes;
  for (const int number : numbers) {
    for (int b = 0; b < width; ++b) bytes += static_cast<char>(number >> (8 * b) & 255);
  }
  return bytes;
}

TEST_CASE("Tokens come bare, or behind llm.c's header") {
  const TemporaryFolder folder;
  const std::string tokens = Bytes({3, 50256, 0, 300}, 2);
  const std::vector<int32_t> expected{3, 50256, 0, 300};
  CHECK(ReadTokens(folder.Write("bare.bin", tokens), 50257) == expected);
  std::string header = Bytes({20240520, 1, 4}, 4);
  header.resize(1024);
  CHECK(ReadTokens(folder.Write("llmc.bin", header + tokens), 50257) == expected);
}

TEST_CASE("llm.c's second format has tokens of 32 bits") {
  const TemporaryFolder folder;
  std::string header = Bytes({20240801, 7, 3}, 4);
  header.resize(1024);
  const std::string tokens = Bytes({128000, 5, 70000}, 4);
  CHECK(ReadTokens(folder.Write("x.bin", header + tokens), 128256) ==
        std::vector<int32_t>{128000, 5, 70000});
  CHECK_THROWS_WITH(
      ReadTokens(folder / "x.bin", 128000),
      Catch::Contains("token 128000 at place 0 lies outside the vocabulary of 128000; "
                      "give --vocab-size"));
  // A number that would be negative as a signed one.
  CHECK_THROWS_WITH(
      ReadTokens(folder.Write("x.bin", header + Bytes({1, 2}, 4) + "\xff\xff\xff\xff"), 128256),
      Catch::Contains("token 4294967295 at place 2"));
  CHECK_THROWS_WITH(ReadTokens(folder.Write("x.bin", header + tokens.substr(1)), 128256),
                    Catch::Contains("says 3 tokens, 1036 bytes in all, but the file has 1035"));
  header[4] = 1;
  CHECK_THROWS_WITH(
      ReadTokens(folder.Write("x.bin", header + tokens), 128256),
      Catch::Contains("version 1 of llm.c's format with magic number 20240801, expected 7"));
  CHECK_THROWS_WITH(ReadTokens(folder.Write("x.bin", header.substr(0, 1000)), 128256),
                    Catch::Contains("is truncated: expected a header of 1024 bytes, found 1000"));
}

TEST_CASE("Bare tokens of 32 or 64 bits are not taken for 16-bit ones") {
  const TemporaryFolder folder;
  for (const int width : {4, 8}) {
    std::string tokens;
    for (int i = 0; i < 200; ++i)
      tokens += Bytes({i * i * 31 % 100000}, 4) + std::string(static_cast<size_t>(width - 4), '\0');
    CHECK_THROWS_WITH(ReadTokens(folder.Write("wide.bin", tokens), 65536),
                      Catch::Contains("the tokens seem to have 32 bits or more") &&
                          Catch::Contains("20240801, 7, the count"));
  }
  // Few characters, or a single one, are no such sign.
  CHECK(ReadTokens(folder.Write("zeros.bin", std::string(1000, '\0')), 10).size() == 500);
}

TEST_CASE("A file of tokens that does not fit says why") {
  const TemporaryFolder folder;
  const auto read = [&](const std::string& content, int64_t vocabulary = 50257) {
    return ReadTokens(folder.Write("x.bin", content), vocabulary);
  };
  CHECK_THROWS_WITH(ReadTokens(folder / "absent.bin", 10), Catch::Contains("absent.bin"));
  CHECK_THROWS_WITH(read(""), Catch::Contains("0 bytes are not a whole number of 16-bit tokens"));
  CHECK_THROWS_WITH(read("abc"), Catch::Contains("3 bytes are not a whole number"));
  CHECK_THROWS_WITH(read(Bytes({1, 7, 2}, 2), 7),
                    Catch::Contains("token 7 at place 1 lies outside the vocabulary of 7"));
  std::string header = Bytes({20240520, 1, 5}, 4);
  header.resize(1024);
  CHECK_THROWS_WITH(read(header + Bytes({1, 2}, 2)),
                    Catch::Contains("the header says 5 tokens, 1034 bytes in all, but the file has "
                                    "1028"));
  header[4] = 2;
  CHECK_THROWS_WITH(
      read(header),
      Catch::Contains("version 2 of llm.c's format with magic number 20240520, expected 1"));
}

TEST_CASE("Random tokens cover the vocabulary, the same for the same seed") {
  const std::vector<int32_t> tokens = RandomTokens(1000, 7, 1);
  CHECK(tokens == RandomTokens(1000, 7, 1));
  CHECK(tokens != RandomTokens(1000, 7, 2));
  CHECK(*std::min_element(tokens.begin(), tokens.end()) == 0);
  CHECK(*std::max_element(tokens.begin(), tokens.end()) == 6);
}

}  // namespace
}  // namespace convoy
