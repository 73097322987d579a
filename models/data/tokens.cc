// Files of token numbers.
#include "models/data/tokens.h"

#include <algorithm>
#include <array>
#include <bit>

#include "core/error.h"
#include "core/file.h"
#include "core/random.h"

namespace convoy {
namespace {

constexpr int32_t kMagic = 20240520;
constexpr int64_t kHeaderBytes = 1024;
constexpr uint64_t kTokenStream = uint64_t{1} << 61;  // apart from models and windows
static_assert(std::endian::native == std::endian::little, "the format's byte order");

}  // namespace

std::vector<int32_t> ReadTokens(const std::string& path, int64_t vocab_size) {
  const InputFile file("Tokens", path);
  std::array<int32_t, 3> header{};
  if (file.bytes() >= kHeaderBytes) file.Read(header.data(), 0, sizeof(header));
  int64_t at = 0;
  if (header[0] == kMagic) {
    at = kHeaderBytes;
    CONVOY_CHECK(header[1] == 1, "[Tokens] '{}': version {} of the format, expected 1", path,
                 header[1]);
    CONVOY_CHECK(file.bytes() == kHeaderBytes + 2 * int64_t{header[2]},
                 "[Tokens] '{}': the header says {} tokens, {} bytes in all, but the file has {}",
                 path, header[2], kHeaderBytes + 2 * int64_t{header[2]}, file.bytes());
  }
  CONVOY_CHECK(file.bytes() > at && (file.bytes() - at) % 2 == 0,
               "[Tokens] '{}': {} bytes are not a whole number of 16-bit tokens", path,
               file.bytes() - at);
  std::vector<uint16_t> narrow(static_cast<size_t>((file.bytes() - at) / 2));
  file.Read(narrow.data(), at, file.bytes() - at);
  const auto largest = std::max_element(narrow.begin(), narrow.end());
  CONVOY_CHECK(*largest < vocab_size,
               "[Tokens] '{}': token {} at place {} lies outside the vocabulary of {}; give "
               "--vocab-size",
               path, *largest, largest - narrow.begin(), vocab_size);
  return {narrow.begin(), narrow.end()};
}

std::vector<int32_t> RandomTokens(int64_t count, int64_t vocab_size, uint64_t seed) {
  const std::vector<int64_t> wide = Random(seed, kTokenStream).Integers(count, vocab_size);
  return {wide.begin(), wide.end()};
}

}  // namespace convoy
