// Files of token numbers.
#include "models/data/tokens.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/random.h"
#include "models/io/file_kind.h"

namespace convoy {
namespace {

constexpr int64_t kHeaderBytes = 1024;
constexpr uint64_t kTokenStream = uint64_t{1} << 61;  // apart from models and windows
static_assert(std::endian::native == std::endian::little, "the format's byte order");

/// Checks llm.c's header: the magic number, the version and the count, in 256 numbers of 32 bits.
void CheckHeader(const InputFile& file, int version, int64_t token_bytes) {
  CONVOY_CHECK(file.bytes() >= kHeaderBytes,
               "[Tokens] '{}' is truncated: expected a header of {} bytes, found {}", file.path(),
               kHeaderBytes, file.bytes());
  std::array<int32_t, 3> header{};
  file.Read(header.data(), 0, sizeof(header));
  CONVOY_CHECK(header[1] == version,
               "[Tokens] '{}': version {} of llm.c's format with magic number {}, expected {}",
               file.path(), header[1], header[0], version);
  const int64_t expected = kHeaderBytes + token_bytes * int64_t{header[2]};
  CONVOY_CHECK(file.bytes() == expected,
               "[Tokens] '{}': the header says {} tokens, {} bytes in all, but the file has {}",
               file.path(), header[2], expected, file.bytes());
}

/// The numbers from byte `at` on, of the width of T.
template <typename T>
std::vector<int32_t> ReadNumbers(const InputFile& file, int64_t at, int64_t vocab_size) {
  constexpr int64_t kWidth = sizeof(T);
  CONVOY_CHECK(file.bytes() > at && (file.bytes() - at) % kWidth == 0,
               "[Tokens] '{}': {} bytes are not a whole number of {}-bit tokens", file.path(),
               file.bytes() - at, 8 * kWidth);
  std::vector<T> numbers(static_cast<size_t>((file.bytes() - at) / kWidth));
  file.Read(numbers.data(), at, file.bytes() - at);
  const auto largest = std::max_element(numbers.begin(), numbers.end());
  CONVOY_CHECK(int64_t{*largest} < vocab_size,
               "[Tokens] '{}': token {} at place {} lies outside the vocabulary of {}; give "
               "--vocab-size",
               file.path(), *largest, largest - numbers.begin(), vocab_size);
  return {numbers.begin(), numbers.end()};
}

/// Bare numbers of 32 or 64 bits, read as 16-bit ones, are 0 (or a few) at every second place.
void CheckNarrow(const InputFile& file) {
  constexpr size_t kEnough = 64;         // fewer may look like that by chance
  constexpr uint16_t kGreatestHigh = 3;  // vocabularies end at 262,144
  std::vector<uint16_t> first(static_cast<size_t>(std::min<int64_t>(file.bytes() / 2, 4096)));
  file.Read(first.data(), 0, static_cast<int64_t>(2 * first.size()));
  if (first.size() < kEnough || file.bytes() % 4 != 0) return;
  uint16_t even = 0, odd = 0;
  for (size_t i = 0; i + 1 < first.size(); i += 2) {
    even = std::max(even, first[i]);
    odd = std::max(odd, first[i + 1]);
  }
  CONVOY_CHECK(
      even <= kGreatestHigh || odd > kGreatestHigh,
      "[Tokens] '{}': every second 16-bit number is {} or less, so the tokens seem to have "
      "32 bits or more; write them with 16 bits, or with 32 behind llm.c's header (256 "
      "numbers of 32 bits: 20240801, 7, the count, zeros)",
      file.path(), odd);
}

}  // namespace

std::vector<int32_t> ReadTokens(const std::string& path, int64_t vocab_size) {
  const InputFile file("Tokens", path);
  switch (CheckKind("Tokens", file, Wanted::kTokens)) {
    case FileKind::kTokens16:
      CheckHeader(file, /*version=*/1, sizeof(uint16_t));
      return ReadNumbers<uint16_t>(file, kHeaderBytes, vocab_size);
    case FileKind::kTokens32:
      CheckHeader(file, /*version=*/7, sizeof(uint32_t));
      return ReadNumbers<uint32_t>(file, kHeaderBytes, vocab_size);
    default:
      CheckNarrow(file);
      return ReadNumbers<uint16_t>(file, 0, vocab_size);
  }
}

std::vector<int32_t> RandomTokens(int64_t count, int64_t vocab_size, uint64_t seed) {
  const std::vector<int64_t> wide = Random(seed, kTokenStream).Integers(count, vocab_size);
  return {wide.begin(), wide.end()};
}

}  // namespace convoy
