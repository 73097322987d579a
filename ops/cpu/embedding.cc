// CPU kernels of Embedding. Backward sorts the positions by table row; each row is then summed and
// written once, by one thread.
#include "ops/embedding_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/embedding.cc"
#include <utility>

#include "hwy/foreach_target.h"
#include "ops/cpu/rows-inl.h"
#include "ops/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

// Whether the blocks before row `last` of `count` are added to the sum: those of kRowsInSum blocks
// are, so that no number of rows makes a long sum.
inline bool EndsBlocks(int64_t last, int64_t count) {
  return last == count || last % (kRowsInSum * kRowsInSum) == 0;
}

// to[0, n) (+)= the sum of the given rows of dy (..., n), in blocks; zero without one.
template <typename T>
void SumRows(const T* dy, const int64_t* rows, int64_t count, int64_t n, T* to, bool accumulate) {
  const TagFor<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t at = 0;
  for (; at + 4 * lanes <= n; at += 4 * lanes) {  // four vectors, so that additions overlap
    const auto zero = hn::Zero(d);
    auto s0 = zero, s1 = zero, s2 = zero, s3 = zero;
    auto t0 = zero, t1 = zero, t2 = zero, t3 = zero;  // of some blocks
    for (int64_t first = 0; first < count; first += kRowsInSum) {
      auto b0 = zero, b1 = zero, b2 = zero, b3 = zero;
      const int64_t last = std::min(first + kRowsInSum, count);
      for (int64_t i = first; i < last; ++i) {
        const T* in = dy + rows[i] * n + at;
        b0 = hn::Add(b0, LoadAs(d, in));
        b1 = hn::Add(b1, LoadAs(d, in + lanes));
        b2 = hn::Add(b2, LoadAs(d, in + 2 * lanes));
        b3 = hn::Add(b3, LoadAs(d, in + 3 * lanes));
      }
      t0 = hn::Add(t0, b0);
      t1 = hn::Add(t1, b1);
      t2 = hn::Add(t2, b2);
      t3 = hn::Add(t3, b3);
      if (EndsBlocks(last, count)) {
        s0 = hn::Add(s0, std::exchange(t0, zero));
        s1 = hn::Add(s1, std::exchange(t1, zero));
        s2 = hn::Add(s2, std::exchange(t2, zero));
        s3 = hn::Add(s3, std::exchange(t3, zero));
      }
    }
    T* out = to + at;
    if (accumulate) {
      s0 = hn::Add(LoadAs(d, out), s0);
      s1 = hn::Add(LoadAs(d, out + lanes), s1);
      s2 = hn::Add(LoadAs(d, out + 2 * lanes), s2);
      s3 = hn::Add(LoadAs(d, out + 3 * lanes), s3);
    }
    StoreAs(s0, d, out);
    StoreAs(s1, d, out + lanes);
    StoreAs(s2, d, out + 2 * lanes);
    StoreAs(s3, d, out + 3 * lanes);
  }
  for (; at < n; at += lanes) {
    const size_t left = static_cast<size_t>(std::min(lanes, n - at));
    const bool full = left == static_cast<size_t>(lanes);
    const auto load = [&](const T* from)
                          HWY_ATTR { return full ? LoadAs(d, from) : LoadPartial(d, from, left); };
    auto sum = hn::Zero(d), of_blocks = hn::Zero(d);
    for (int64_t first = 0; first < count; first += kRowsInSum) {
      auto block = hn::Zero(d);
      const int64_t last = std::min(first + kRowsInSum, count);
      for (int64_t i = first; i < last; ++i) block = hn::Add(block, load(dy + rows[i] * n + at));
      of_blocks = hn::Add(of_blocks, block);
      if (EndsBlocks(last, count)) sum = hn::Add(sum, std::exchange(of_blocks, hn::Zero(d)));
    }
    if (accumulate) sum = hn::Add(load(to + at), sum);
    if (full) {
      StoreAs(sum, d, to + at);
    } else {
      StorePartial(sum, d, to + at, left);
    }
  }
}

// The positions in `indices` sorted by what they hold, equal ones in order: those of table row v
// are order[first[v]] .. order[first[v + 1]].
struct SortedPositions {
  Tensor first;  // (V + 1)
  Tensor order;  // (indices)
};

inline SortedPositions SortPositions(const Tensor& indices, int64_t table_rows) {
  const TensorOptions options{DType::kI64, indices.device()};
  const SortedPositions sorted{Tensor::Zeros({table_rows + 1}, options),
                               Tensor::Empty({indices.numel()}, options)};
  const int32_t* index = indices.data<int32_t>();
  int64_t* first = sorted.first.data<int64_t>();
  int64_t* order = sorted.order.data<int64_t>();
  for (int64_t i = 0; i < indices.numel(); ++i) ++first[index[i]];
  int64_t sum = 0;
  for (int64_t v = 0; v <= table_rows; ++v) first[v] = sum += first[v];  // the end of each row
  for (int64_t i = indices.numel(); i-- > 0;) order[--first[index[i]]] = i;
  return sorted;
}

void EmbeddingBackward(const Tensor& dy, const Tensor& indices, const GradTarget& dtable) {
  const int64_t table_rows = dtable.tensor.dim(0);
  const int64_t n = dtable.tensor.dim(1);
  if (dtable.tensor.numel() == 0) return;
  const SortedPositions sorted = SortPositions(indices, table_rows);
  const int64_t* first = sorted.first.data<int64_t>();
  const int64_t* order = sorted.order.data<int64_t>();
  DispatchFloating(dy.dtype(), "Embedding", [&]<typename T>(T) {
    // A table row costs as much as the rows it sums and the one it writes: threads share the
    // costs, not the rows, since few rows may be used often.
    const auto first_row_from = [&](int64_t cost) {
      int64_t low = 0, high = table_rows;
      while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (first[middle] + middle < cost) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      return low;
    };
    ParallelFor(dy.device(), indices.numel() + table_rows, std::max<int64_t>(kRowGrain / n, 1),
                [&](int64_t begin, int64_t end) {
                  const int64_t last = first_row_from(end);
                  for (int64_t v = first_row_from(begin); v < last; ++v) {
                    const int64_t count = first[v + 1] - first[v];
                    if (count == 0 && dtable.accumulate) continue;
                    SumRows(dy.data<T>(), order + first[v], count, n,
                            dtable.tensor.data<T>() + v * n, dtable.accumulate);
                  }
                });
  });
}

void EmbeddingForward(const Tensor& table, const Tensor& indices, const Tensor& y) {
  const int32_t* index = indices.data<int32_t>();
  for (int64_t i = 0; i < indices.numel(); ++i) {
    CONVOY_CHECK(index[i] >= 0 && index[i] < table.dim(0),
                 "[Embedding] index {} at position {} lies outside [0, {})", index[i], i,
                 table.dim(0));
  }
  const int64_t n = table.dim(1);
  const size_t row_bytes = static_cast<size_t>(n) * SizeOf(table.dtype());
  const char* from = static_cast<const char*>(table.raw_data());
  char* to = static_cast<char*>(y.raw_data());
  ParallelFor(y.device(), indices.numel(), kRowGrain / std::max<int64_t>(n, 1) + 1,
              [&](int64_t begin, int64_t end) {
                for (int64_t i = begin; i < end; ++i) {
                  std::memcpy(to + static_cast<size_t>(i) * row_bytes,
                              from + static_cast<size_t>(index[i]) * row_bytes, row_bytes);
                }
              });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {

CONVOY_CPU_KERNEL(embedding_forward, EmbeddingForward);
CONVOY_CPU_KERNEL(embedding_backward, EmbeddingBackward);

}  // namespace convoy
#endif  // HWY_ONCE
