// Windows of a text for language models: at random places, and one after the other.
#include "models/data/text_windows.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "core/base/error.h"
#include "core/random.h"

namespace convoy {
namespace {

// The streams of the seed from here on are apart from those of initial values, dropout and
// shuffled epochs.
constexpr uint64_t kWindowStream = uint64_t{1} << 62;

void CheckWindow(const char* component, std::span<const int32_t> tokens, int64_t block_size) {
  CONVOY_CHECK(block_size > 0, "[{}] block_size must be over 0, got {}", component, block_size);
  CONVOY_CHECK(static_cast<int64_t>(tokens.size()) > block_size,
               "[{}] a text of {} tokens has no window of block_size {} and the token after it; "
               "use a longer text or a smaller block_size",
               component, tokens.size(), block_size);
}

/// Draws the windows of every step, with replacement.
class WindowSampler final : public Sampler {
 public:
  WindowSampler(int64_t windows, const TextBatchOptions& options)
      : windows_(windows), options_(options) {}

  int64_t size() const override { return options_.steps; }

  std::vector<int64_t> Samples(int64_t index) const override {
    const uint64_t step = static_cast<uint64_t>(options_.first_step + index);
    return Random(options_.seed, kWindowStream + step).Integers(options_.batch_size, windows_);
  }

 private:
  const int64_t windows_;
  const TextBatchOptions options_;
};

/// Every window of the text: number i starts at token i.
std::shared_ptr<const TextWindows> AllWindows(std::span<const int32_t> tokens, const Worker& worker,
                                              const TextBatchOptions& options) {
  CheckWindow("TextBatches", tokens, options.block_size);
  CheckBatchSize("TextBatches", options.batch_size, options.batch_size,
                 ShardOf(worker, options.shard));
  CONVOY_CHECK(options.steps >= 0 && options.first_step >= 0,
               "[TextBatches] steps and first_step must be 0 or more, got {} and {}", options.steps,
               options.first_step);
  return std::make_shared<TextWindows>(tokens, options.block_size, /*stride=*/1);
}

}  // namespace

TextWindows::TextWindows(std::span<const int32_t> tokens, int64_t block_size, int64_t stride)
    : tokens_(tokens), block_size_(block_size), stride_(stride) {
  CheckWindow("TextWindows", tokens, block_size);
  CONVOY_CHECK(stride > 0, "[TextWindows] stride must be over 0, got {}", stride);
}

TextWindows::TextWindows(std::span<const int32_t> tokens, int64_t block_size)
    : TextWindows(tokens, block_size, block_size) {}

int64_t TextWindows::size() const {
  return (static_cast<int64_t>(tokens_.size()) - block_size_ - 1) / stride_ + 1;
}

Batch TextWindows::Get(std::span<const int64_t> indices, Device device) const {
  const int64_t n = static_cast<int64_t>(indices.size());
  const Tensor x = Tensor::Empty({n, block_size_}, {DType::kI32, device});
  const Tensor y = Tensor::Empty({n * block_size_}, {DType::kI32, device});
  int32_t* input = x.data<int32_t>();
  int32_t* target = y.data<int32_t>();
  for (const int64_t index : indices) {
    CONVOY_CHECK(index >= 0 && index < size(), "[TextWindows] window {} of {} asked for", index,
                 size());
    const int32_t* window = tokens_.data() + index * stride_;
    input = std::copy_n(window, block_size_, input);
    target = std::copy_n(window + 1, block_size_, target);
  }
  return {x, y};
}

TextBatches::TextBatches(std::span<const int32_t> tokens, const Worker& worker,
                         const TextBatchOptions& options)
    : TextBatches(AllWindows(tokens, worker, options), worker, options) {}

TextBatches::TextBatches(const std::shared_ptr<const TextWindows>& windows, const Worker& worker,
                         const TextBatchOptions& options)
    : BatchStream(ShardOf(worker, options.shard), worker.device(), windows,
                  std::make_unique<WindowSampler>(windows->size(), options)) {}

}  // namespace convoy
