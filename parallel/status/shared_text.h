// A text in memory that processes share.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

namespace convoy::status {

/// Text that one worker rewrites while others read, in memory that processes share: atomic words,
/// and a version that is odd while they change (a sequence lock). All zeros is a valid start: no
/// text.
template <size_t kBytes>
class SharedText {
 public:
  /// Text over kBytes - 1 bytes is cut. One writer at a time.
  void Set(std::string_view text) {
    char padded[kBytes] = {};
    std::memcpy(padded, text.data(), std::min(text.size(), kBytes - 1));
    const uint32_t version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_seq_cst);
    for (size_t i = 0; i < kWords; ++i) {
      uint64_t word;
      std::memcpy(&word, padded + i * sizeof(word), sizeof(word));
      words_[i].store(word, std::memory_order_seq_cst);
    }
    version_.store(version + 2, std::memory_order_seq_cst);
  }

  /// Possibly a mixture of two texts if the writer does not finish: it may have been killed.
  std::string Get() const {
    char text[kBytes + 1] = {};
    for (int tries = 0; tries < 100; ++tries) {
      const uint32_t before = version_.load(std::memory_order_seq_cst);
      for (size_t i = 0; i < kWords; ++i) {
        const uint64_t word = words_[i].load(std::memory_order_seq_cst);
        std::memcpy(text + i * sizeof(word), &word, sizeof(word));
      }
      if (before % 2 == 0 && version_.load(std::memory_order_seq_cst) == before) break;
      std::this_thread::yield();
    }
    return text;
  }

 private:
  static constexpr size_t kWords = kBytes / sizeof(uint64_t);
  std::atomic<uint32_t> version_{0};
  std::atomic<uint64_t> words_[kWords]{};
};

}  // namespace convoy::status
