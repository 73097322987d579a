// Feeds a fuzz target the files on the command line, each also cut off and with bits flipped.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes);

namespace {

constexpr size_t kMaxTouched = 512;  // of a file: longer ones would take long

// A copy of its own, so that a sanitizer sees a read behind its end.
void Feed(const std::vector<uint8_t>& input, size_t bytes) {
  const std::vector<uint8_t> copy(input.begin(), input.begin() + static_cast<long>(bytes));
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

}  // namespace

int main(int argc, char** argv) {
  size_t inputs = 0;
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "cannot read %s\n", argv[i]);
      return 1;
    }
    std::vector<uint8_t> input{std::istreambuf_iterator<char>(file), {}};
    Feed(input, input.size());
    const size_t touched = input.size() < kMaxTouched ? input.size() : kMaxTouched;
    for (size_t at = 0; at < touched; ++at) {
      Feed(input, at);
      for (int bit = 0; bit < 8; ++bit) {
        input[at] ^= static_cast<uint8_t>(1 << bit);
        Feed(input, input.size());
        input[at] ^= static_cast<uint8_t>(1 << bit);
      }
    }
    inputs += 1 + 9 * touched;
  }
  std::printf("%d files, %zu inputs\n", argc - 1, inputs);
  return argc > 1 ? 0 : 1;
}
