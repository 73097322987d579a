// Where random numbers come from: streams of a seed, dealt one after the other, and tensors filled
#include "core/random.h"

#include <algorithm>
#include <numeric>

#include "core/base/error.h"
#include "core/random_fill.h"
#include "core/threads.h"

namespace convoy {
namespace {

constexpr int64_t kGrainFills = 64;

// Fills a host tensor: `fill(first block, values)` makes kFillValues of them.
template <typename Fill>
void FillHost(const Tensor& tensor, Fill fill) {
  const int64_t n = tensor.numel();
  DispatchFloating(tensor.dtype(), "Random", [&]<typename T>(T) {
    using internal::kFillBlocks, internal::kFillValues;
    T* out = tensor.data<T>();
    const int64_t fills = (n + kFillValues - 1) / kFillValues;
    ParallelFor(tensor.device(), fills, kGrainFills, [&](int64_t begin, int64_t end) {
      double values[kFillValues];
      for (int64_t i = begin; i < end; ++i) {
        fill(static_cast<uint64_t>(i * kFillBlocks), values);
        std::transform(
            values, values + std::min(kFillValues, n - i * kFillValues), out + i * kFillValues,
            [](double value) { return static_cast<T>(static_cast<ComputeType<T>>(value)); });
      }
    });
  });
}

// Values are drawn on the host, so that every device starts from the same bits.
template <typename Fill>
void FillAnywhere(const Tensor& tensor, Fill fill) {
  if (tensor.device().is_cpu()) return FillHost(tensor, fill);
  const Tensor host = Tensor::Empty(tensor.shape(), {tensor.dtype(), Device::Cpu()});
  FillHost(host, fill);
  tensor.CopyFrom(host);
}

// Unbiased integers in [0, bound) from one stream, two 64-bit numbers a block.
class BoundedSource {
 public:
  explicit BoundedSource(RandomStream stream) : stream_(stream) {}

  uint64_t Next(uint64_t bound) {
    const uint64_t limit = UINT64_MAX - UINT64_MAX % bound;  // reject the uneven top
    while (true) {
      const uint64_t value = Next64();
      if (value < limit) return value % bound;
    }
  }

 private:
  uint64_t Next64() {
    if (second_) {
      second_ = false;
      return uint64_t{block_[3]} << 32 | block_[2];
    }
    block_ = stream_.Block(index_++);
    second_ = true;
    return uint64_t{block_[1]} << 32 | block_[0];
  }

  RandomStream stream_;
  std::array<uint32_t, 4> block_{};
  uint64_t index_ = 0;
  bool second_ = false;
};

}  // namespace

RandomStream StreamSource::Next() {
  if (internal::random_recorder != nullptr) return internal::random_recorder->Next(state_);
  return NextOnHost();
}

RandomStream Random::NextOnHost(const char* method) {
  CONVOY_CHECK(internal::random_recorder == nullptr,
               "[Random] {} draws on the host, and a graph is being recorded, whose replays would "
               "all see the same values. Draw before the recording",
               method);
  return streams_.NextOnHost();
}

void Random::Uniform(const Tensor& tensor, double low, double high) {
  const RandomStream stream = NextOnHost("Uniform");
  FillAnywhere(tensor, [&](uint64_t first_block, auto& values) {
    internal::FillUniform(stream, first_block, low, high - low, values);
  });
}

void Random::Normal(const Tensor& tensor, double mean, double stddev) {
  const RandomStream stream = NextOnHost("Normal");
  FillAnywhere(tensor, [&](uint64_t first_block, auto& values) {
    internal::FillNormal(stream, first_block, mean, stddev, values);
  });
}

std::vector<int64_t> Random::Permutation(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  BoundedSource source(NextOnHost("Permutation"));
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[source.Next(i)]);
  return order;
}

std::vector<int64_t> Random::Integers(int64_t count, int64_t bound) {
  CONVOY_CHECK(bound > 0, "[Random] Integers wants a bound over 0, got {}", bound);
  std::vector<int64_t> values(static_cast<size_t>(count));
  BoundedSource source(NextOnHost("Integers"));
  for (int64_t& value : values) {
    value = static_cast<int64_t>(source.Next(static_cast<uint64_t>(bound)));
  }
  return values;
}

}  // namespace convoy
