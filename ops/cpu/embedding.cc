// CPU kernels of Embedding. Backward sorts the positions by table row; each row is then summed and
// written once, by one thread.
#include "core/workspace.h"
#include "ops/embedding_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/embedding.cc"
#include "hwy/foreach_target.h"
#include "ops/cpu/rows-inl.h"
#include "ops/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

// sum[v] = load(0, v) + ... + load(count - 1, v), a vector each: in blocks, and those in blocks of
// blocks, so that no number of rows makes a long sum.
template <size_t kVectors, class V, class Load>
HWY_INLINE void SumOfRows(V zero, int64_t count, Load&& load, V (&sum)[kVectors]) {
  const auto add_rows = [&](int64_t first, int64_t last, V(&to)[kVectors]) HWY_ATTR {
    for (int64_t i = first; i < last; ++i) {
      for (size_t v = 0; v < kVectors; ++v) to[v] = hn::Add(to[v], load(i, v));
    }
  };
  for (size_t v = 0; v < kVectors; ++v) sum[v] = zero;
  if (count <= kRowsInSum) return add_rows(0, count, sum);
  V blocks[kVectors];
  for (size_t v = 0; v < kVectors; ++v) blocks[v] = zero;
  for (int64_t first = 0; first < count; first += kRowsInSum) {
    const int64_t last = std::min(first + kRowsInSum, count);
    V block[kVectors];
    for (size_t v = 0; v < kVectors; ++v) block[v] = zero;
    add_rows(first, last, block);
    for (size_t v = 0; v < kVectors; ++v) blocks[v] = hn::Add(blocks[v], block[v]);
    if (last < count && last % (kRowsInSum * kRowsInSum) != 0) continue;
    for (size_t v = 0; v < kVectors; ++v) {
      sum[v] = hn::Add(sum[v], blocks[v]);
      blocks[v] = zero;
    }
  }
}

// to[0, n) (+)= the sum of the given rows of dy (..., n); zero without one.
template <typename T>
void SumRows(const T* dy, const int64_t* rows, int64_t count, int64_t n, T* to, bool accumulate) {
  if (count == 0) {  // most rows of a large table
    if (!accumulate) std::fill_n(to, n, T{});
    return;
  }
  const TagFor<T> d;
  const auto zero = hn::Zero(d);
  constexpr size_t kVectors = 4;  // so that additions overlap
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t at = 0;
  for (; at + int64_t{kVectors} * lanes <= n; at += int64_t{kVectors} * lanes) {
    hn::Vec<TagFor<T>> sum[kVectors];
    SumOfRows(
        zero, count,
        [&](int64_t i, size_t v)
            HWY_ATTR { return LoadAs(d, dy + rows[i] * n + at + static_cast<int64_t>(v) * lanes); },
        sum);
    for (size_t v = 0; v < kVectors; ++v) {
      T* const out = to + at + static_cast<int64_t>(v) * lanes;
      StoreAs(accumulate ? hn::Add(LoadAs(d, out), sum[v]) : sum[v], d, out);
    }
  }
  for (; at < n; at += lanes) {
    const size_t left = static_cast<size_t>(std::min(lanes, n - at));
    const bool full = left == static_cast<size_t>(lanes);
    const auto load = [&](const T* from)
                          HWY_ATTR { return full ? LoadAs(d, from) : LoadPartial(d, from, left); };
    hn::Vec<TagFor<T>> sum[1];
    SumOfRows(
        zero, count, [&](int64_t i, size_t) HWY_ATTR { return load(dy + rows[i] * n + at); }, sum);
    const auto result = accumulate ? hn::Add(load(to + at), sum[0]) : sum[0];
    if (full) {
      StoreAs(result, d, to + at);
    } else {
      StorePartial(result, d, to + at, left);
    }
  }
}

// The positions in `indices` sorted by what they hold, equal ones in order: those of table row v
// are order[first[v]] .. order[first[v + 1]].
struct SortedPositions {
  Workspace first;  // (V + 1)
  Workspace order;  // (indices)
};

inline SortedPositions SortPositions(const View& indices, int64_t table_rows) {
  const TensorOptions options{DType::kI64, indices.device()};
  SortedPositions sorted{Workspace::Zeros({table_rows + 1}, options),
                         Workspace::Empty({indices.numel()}, options)};
  const int32_t* index = indices.data<int32_t>();
  int64_t* first = sorted.first.data<int64_t>();
  int64_t* order = sorted.order.data<int64_t>();
  for (int64_t i = 0; i < indices.numel(); ++i) ++first[index[i]];
  int64_t sum = 0;
  for (int64_t v = 0; v <= table_rows; ++v) first[v] = sum += first[v];  // the end of each row
  for (int64_t i = indices.numel(); i-- > 0;) order[--first[index[i]]] = i;
  return sorted;
}

void EmbeddingBackward(const View& dy, const View& indices, const GradTarget& dtable) {
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

void EmbeddingForward(const View& table, const View& indices, const View& y) {
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
