// Character-level text: vocabulary, split, random and consecutive windows.
#include "models/data/text.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <numeric>
#include <set>

#include "core/base/error.h"
#include "models/data/batches.h"
#include "models/data/text_windows.h"
#include "tests/models/data/fake_worker.h"
#include "tests/models/data/temporary_folder.h"

namespace convoy {
namespace {

using Catch::Contains;

TEST_CASE("A vocabulary numbers the distinct characters in order") {
  const CharVocabulary vocabulary("hello, wörld €𝄞");
  REQUIRE(vocabulary.ToString() == " ,dehlorwö€𝄞");
  REQUIRE(vocabulary.size() == 12);
  const std::vector<int32_t> tokens = vocabulary.Encode("wö 𝄞");
  REQUIRE(tokens == std::vector<int32_t>{8, 9, 0, 11});
  REQUIRE(vocabulary.Decode(tokens) == "wö 𝄞");
  REQUIRE(CharVocabulary(vocabulary.ToString()).Encode("wö 𝄞") == tokens);
  REQUIRE(vocabulary.Encode("").empty());
}

TEST_CASE("A vocabulary says what it does not know") {
  const CharVocabulary vocabulary("abc");
  REQUIRE_THROWS_WITH(vocabulary.Encode("aé"),
                      "[CharVocabulary] character 'é' (U+00E9) is not among the 3 known ones");
  REQUIRE_THROWS_WITH(vocabulary.Decode(std::vector<int32_t>{0, 3}),
                      "[CharVocabulary] token 3 lies outside [0, 3)");
  REQUIRE_THROWS_WITH(vocabulary.Decode(std::vector<int32_t>{-1}), Contains("token -1"));
}

TEST_CASE("What is not UTF-8 is refused at its offset") {
  const std::vector<std::string> broken = {
      "\xff",
      "\x80",  // no start of a sequence
      "\xc3",
      "\xe2\x82",          // cut short
      "\xc3(",             // no continuation
      "\xc0\xaf",          // overlong
      "\xed\xa0\x80",      // a surrogate
      "\xf4\x90\x80\x80",  // beyond U+10FFFF
  };
  for (const std::string& bytes : broken) {
    REQUIRE_THROWS_WITH(CharVocabulary("ab" + bytes), Contains("at offset 2 is not UTF-8"));
  }
}

TEST_CASE("Text comes from a file or a string and is split nine to one") {
  const TemporaryFolder folder;
  const CharText text = CharText::FromFile(folder.Write("t.txt", "0123456789abcdefghij"));
  REQUIRE(text.train().size() == 18);
  REQUIRE(text.vocabulary().Decode(text.validation()) == "ij");

  REQUIRE_THROWS_WITH(
      CharText::FromFile(folder / "none"),
      "[CharText] cannot open '" + (folder / "none") + "': No such file or directory");
  REQUIRE_THROWS_WITH(CharText::FromFile(folder.Write("empty", "")),
                      "[CharText] '" + (folder / "empty") + "' is empty");
  REQUIRE_THROWS_WITH(CharText::FromFile(folder.path()),
                      "[CharText] '" + folder.path() + "' is a folder, and a file is expected");
  REQUIRE_THROWS_WITH(
      CharText::FromFile(folder.Write("latin1", "caf\xe9")),
      Contains(folder / "latin1") && Contains("byte 0xe9 at offset 3 is not UTF-8"));
}

std::vector<int32_t> Count(int32_t n) {
  std::vector<int32_t> tokens(static_cast<size_t>(n));
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

TEST_CASE("Targets are the tokens that follow; windows reach the whole text") {
  const std::vector<int32_t> tokens = Count(20);
  FakeWorker alone;
  std::set<int32_t> starts;
  for (auto [x, y, share] :
       TextBatches(tokens, alone.worker, {.batch_size = 5, .block_size = 8, .steps = 50})) {
    REQUIRE(x.shape() == Shape{5, 8});
    REQUIRE(y.shape() == Shape{40});
    const std::vector<int32_t> in = x.ToVector<int32_t>(), out = y.ToVector<int32_t>();
    for (size_t i = 0; i < in.size(); ++i) REQUIRE(out[i] == in[i] + 1);
    for (size_t i = 0; i < in.size(); i += 8) starts.insert(in[i]);
  }
  REQUIRE(*starts.begin() == 0);
  REQUIRE(*starts.rbegin() == 11);  // its last target is the last token
  REQUIRE(starts.size() == 12);
}

TEST_CASE("A step's windows depend on seed and step only, whatever the number of workers") {
  const std::vector<int32_t> tokens = Count(1000);
  const TextBatchOptions options = {.batch_size = 7, .block_size = 4, .steps = 6, .seed = 9};
  const auto deal = [&](int rank, int workers, const TextBatchOptions& o) {
    FakeWorker one(rank, workers);
    std::vector<std::vector<int32_t>> batches;
    for (auto [x, y, share] : TextBatches(tokens, one.worker, o)) {
      batches.push_back(x.ToVector<int32_t>());
      REQUIRE(share == Approx(x.dim(0) / 7.0));
    }
    return batches;
  };
  const auto whole = deal(0, 1, options);
  for (const int workers : {2, 3, 7}) {
    std::vector<std::vector<int32_t>> joined(6);
    for (int rank = 0; rank < workers; ++rank) {
      const auto part = deal(rank, workers, options);
      for (size_t s = 0; s < 6; ++s) {
        joined[s].insert(joined[s].end(), part[s].begin(), part[s].end());
      }
    }
    REQUIRE(joined == whole);
  }
  TextBatchOptions resumed = options;
  resumed.first_step = 4;
  resumed.steps = 2;
  REQUIRE(deal(0, 1, resumed) == std::vector(whole.begin() + 4, whole.end()));
  REQUIRE(whole[0] != whole[1]);
}

TEST_CASE("Consecutive windows are a data set that covers the text once") {
  const std::vector<int32_t> tokens = Count(14);
  const TextWindows windows(tokens, 4);
  REQUIRE(windows.size() == 3);
  FakeWorker alone;
  std::vector<int32_t> seen;
  for (auto [x, y, share] : Batches(windows, alone.worker, {.batch_size = 2, .shuffle = false})) {
    REQUIRE(y.numel() == x.numel());
    for (const int32_t token : x.ToVector<int32_t>()) seen.push_back(token);
  }
  REQUIRE(seen == Count(12));
  REQUIRE(TextWindows(Count(5), 4).size() == 1);
  REQUIRE_THROWS_WITH(windows.Get(std::vector<int64_t>{3}, {}),
                      "[TextWindows] window 3 of 3 asked for");
}

TEST_CASE("The last window's last target is a token of the text") {
  // (tokens, windows of 4): a window is whole if the token after it is there too.
  for (const auto& [size, count] : std::vector<std::pair<int32_t, int64_t>>{
           {5, 1}, {8, 1}, {9, 2}, {12, 2}, {13, 3}, {16, 3}, {17, 4}}) {
    CAPTURE(size);
    const std::vector<int32_t> tokens = Count(size);
    const TextWindows windows(tokens, 4);
    REQUIRE(windows.size() == count);
    const auto [x, y, share] = windows.Get(std::vector<int64_t>{count - 1}, {});
    const int32_t first = static_cast<int32_t>(4 * (count - 1));
    CHECK(x.ToVector<int32_t>() == std::vector<int32_t>{first, first + 1, first + 2, first + 3});
    CHECK(y.ToVector<int32_t>() ==
          std::vector<int32_t>{first + 1, first + 2, first + 3, first + 4});
    CHECK(first + 4 < size);
  }
}

TEST_CASE("Windows come in the order asked for") {
  const std::vector<int32_t> tokens = Count(14);
  const auto [x, y, share] = TextWindows(tokens, 4).Get(std::vector<int64_t>{2, 0}, {});
  CHECK(x.shape() == Shape{2, 4});
  CHECK(x.ToVector<int32_t>() == std::vector<int32_t>{8, 9, 10, 11, 0, 1, 2, 3});
  CHECK(y.ToVector<int32_t>() == std::vector<int32_t>{9, 10, 11, 12, 1, 2, 3, 4});
}

TEST_CASE("A random window is never one token past the text") {
  // A text that has room for one window only, in memory that ends with it.
  const std::vector<int32_t> tokens = Count(5);
  FakeWorker alone;
  for (auto [x, y, share] :
       TextBatches(tokens, alone.worker, {.batch_size = 20, .block_size = 4, .steps = 10})) {
    std::vector<int32_t> inputs, targets;
    for (int window = 0; window < 20; ++window) {
      for (int32_t token = 0; token < 4; ++token) {
        inputs.push_back(token);
        targets.push_back(token + 1);
      }
    }
    CHECK(x.ToVector<int32_t>() == inputs);
    CHECK(y.ToVector<int32_t>() == targets);
  }
}

TEST_CASE("A text shorter than a window, and batches that make no sense, are refused") {
  FakeWorker two(0, 2);
  const std::vector<int32_t> tokens = Count(8);
  REQUIRE_THROWS_WITH(
      TextBatches(tokens, two.worker, {.batch_size = 2, .block_size = 8}),
      "[TextBatches] a text of 8 tokens has no window of block_size 8 and the token "
      "after it; use a longer text or a smaller block_size");
  REQUIRE_THROWS_WITH(TextWindows(tokens, 9), Contains("[TextWindows] a text of 8 tokens"));
  REQUIRE_THROWS_WITH(TextBatches(tokens, two.worker, {.batch_size = 1, .block_size = 4}),
                      Contains("[TextBatches] a global batch of 1 cannot be dealt to 2 workers"));
  REQUIRE_THROWS_WITH(TextBatches(tokens, two.worker, {.batch_size = 2, .block_size = 0}),
                      "[TextBatches] block_size must be over 0, got 0");
}

TEST_CASE("Shakespeare has 65 characters") {
  const char* root = std::getenv("CONVOY_DATA");
  if (root == nullptr) {
    std::cout << "SKIPPED: set CONVOY_DATA to a folder with tinyshakespeare.txt\n";
    return;
  }
  const CharText text = CharText::FromFile(std::string(root) + "/tinyshakespeare.txt");
  REQUIRE(text.vocabulary().size() == 65);
  REQUIRE(text.train().size() == 1003854);
  REQUIRE(text.validation().size() == 111540);
  REQUIRE(text.vocabulary().Decode(text.train().first(14)) == "First Citizen:");
}

}  // namespace
}  // namespace convoy
