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
  CHECK_THROWS_WITH(read(header), Catch::Contains("version 2 of the format, expected 1"));
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
