// Counter-based random numbers: Philox4x32-10.
#include "core/random.h"

#include <cmath>
#include <numbers>
#include <numeric>

#include "core/error.h"
#include "core/threads.h"

namespace convoy {
namespace {

constexpr int64_t kGrainBlocks = 4096;

// Fills a host tensor: `draw(block of four 32-bit numbers, four doubles)` makes the values.
template <typename Draw>
void Fill(const Tensor& tensor, const RandomStream& stream, Draw draw) {
  const int64_t n = tensor.numel();
  DispatchFloating(tensor.dtype(), "Random", [&]<typename T>(T) {
    T* out = tensor.data<T>();
    ParallelFor(tensor.device(), (n + 3) / 4, kGrainBlocks, [&](int64_t begin, int64_t end) {
      for (int64_t block = begin; block < end; ++block) {
        const std::array<double, 4> values = draw(stream.Block(static_cast<uint64_t>(block)));
        for (int64_t i = 0; i < 4 && 4 * block + i < n; ++i) {
          using C = ComputeType<T>;
          out[4 * block + i] = static_cast<T>(static_cast<C>(values[static_cast<size_t>(i)]));
        }
      }
    });
  });
}

// Values are drawn on the host, so that every device starts from the same bits.
template <typename Draw>
void FillAnywhere(const Tensor& tensor, const RandomStream& stream, Draw draw) {
  if (tensor.device().is_cpu()) return Fill(tensor, stream, draw);
  const Tensor host = Tensor::Empty(tensor.shape(), {tensor.dtype(), Device::Cpu()});
  Fill(host, stream, draw);
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

void Random::Uniform(const Tensor& tensor, double low, double high) {
  FillAnywhere(tensor, streams_.NextOnHost(), [=](const std::array<uint32_t, 4>& bits) {
    std::array<double, 4> values;
    for (size_t i = 0; i < 4; ++i) values[i] = low + (high - low) * double{ToUniform(bits[i])};
    return values;
  });
}

void Random::Normal(const Tensor& tensor, double mean, double stddev) {
  FillAnywhere(tensor, streams_.NextOnHost(), [=](const std::array<uint32_t, 4>& bits) {
    std::array<double, 4> values;
    for (size_t i = 0; i < 4; i += 2) {
      const double u = (bits[i] + 1.0) * 0x1p-32;  // (0, 1]
      const double angle = 2 * std::numbers::pi * (bits[i + 1] * 0x1p-32);
      const double radius = stddev * std::sqrt(-2 * std::log(u));
      values[i] = mean + radius * std::cos(angle);
      values[i + 1] = mean + radius * std::sin(angle);
    }
    return values;
  });
}

std::vector<int64_t> Random::Permutation(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  BoundedSource source(streams_.NextOnHost());
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[source.Next(i)]);
  return order;
}

std::vector<int64_t> Random::Integers(int64_t count, int64_t bound) {
  CONVOY_CHECK(bound > 0, "[Random] Integers wants a bound over 0, got {}", bound);
  std::vector<int64_t> values(static_cast<size_t>(count));
  BoundedSource source(streams_.NextOnHost());
  for (int64_t& value : values) {
    value = static_cast<int64_t>(source.Next(static_cast<uint64_t>(bound)));
  }
  return values;
}

}  // namespace convoy
