// CPU kernel of Transpose and Permute: runs that stay contiguous are copied, everything else goes
// through a tiled transpose, for elements of 1, 2, 4 or 8 bytes whatever their dtype.
#include <algorithm>
#include <array>
#include <cstring>

#include "core/threads.h"
#include "ops/permute_plan.h"
#include "ops/shape_kernels.h"

namespace convoy {
namespace {

constexpr int64_t kTile = 32;              // rows and columns of a tile: both sides stay in L1
constexpr int64_t kGrainBytes = 64 << 10;  // worth a thread's while

// Walks the index tuples of a plan in order, keeping the offsets in x and y.
class Walker {
 public:
  Walker(const PermutePlan& plan, int64_t position) : plan_(plan) {
    for (int i = plan.ndim; i-- > 0;) {
      int64_t& index = index_[static_cast<size_t>(i)];
      index = position % plan[i].extent;
      position /= plan[i].extent;
      from_ += index * plan[i].from_stride;
      to_ += index * plan[i].to_stride;
    }
  }

  int64_t from() const { return from_; }
  int64_t to() const { return to_; }

  void Next() {
    for (int i = plan_.ndim; i-- > 0;) {
      const PermuteDim& dim = plan_[i];
      int64_t& index = index_[static_cast<size_t>(i)];
      from_ += dim.from_stride;
      to_ += dim.to_stride;
      if (++index < dim.extent) return;
      index = 0;
      from_ -= dim.extent * dim.from_stride;
      to_ -= dim.extent * dim.to_stride;
    }
  }

 private:
  const PermutePlan& plan_;
  std::array<int64_t, Shape::kMaxDims> index_{};
  int64_t from_ = 0;
  int64_t to_ = 0;
};

// The last dimension is contiguous on both sides: `run_bytes` at a time.
void CopyRuns(Device device, const PermutePlan& outer, int64_t run_bytes, int64_t size,
              const char* from, char* to) {
  const int64_t grain = std::max<int64_t>(kGrainBytes / run_bytes, 1);
  ParallelFor(device, outer.Numel(), grain, [&](int64_t begin, int64_t end) {
    Walker walker(outer, begin);
    for (int64_t i = begin; i < end; ++i, walker.Next()) {
      std::memcpy(to + walker.to() * size, from + walker.from() * size,
                  static_cast<size_t>(run_bytes));
    }
  });
}

// to[r * to_stride + c] = from[r + c * from_stride] for r < rows, c < columns.
template <typename T>
void TransposeTile(const T* __restrict from, int64_t from_stride, T* __restrict to,
                   int64_t to_stride, int64_t rows, int64_t columns) {
  constexpr int64_t kColumns = 8;  // written at once, so that a store fills part of a cache line
  int64_t c = 0;
  for (; c + kColumns <= columns; c += kColumns) {
    const T* in = from + c * from_stride;
    T* out = to + c;
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t k = 0; k < kColumns; ++k) out[r * to_stride + k] = in[r + k * from_stride];
    }
  }
  for (; c < columns; ++c) {
    for (int64_t r = 0; r < rows; ++r) to[r * to_stride + c] = from[r + c * from_stride];
  }
}

// The last dimension of x is `rows`, the last one of y is `columns`; `outer` holds the others.
template <typename T>
void TransposeTiles(Device device, const PermutePlan& outer, const PermuteDim& rows,
                    const PermuteDim& columns, const void* from, void* to) {
  const int64_t bands = (rows.extent + kTile - 1) / kTile;
  const int64_t band_bytes =
      std::min(kTile, rows.extent) * columns.extent * static_cast<int64_t>(sizeof(T));
  const int64_t grain = std::max<int64_t>(kGrainBytes / band_bytes, 1);
  ParallelFor(device, outer.Numel() * bands, grain, [&](int64_t begin, int64_t end) {
    Walker walker(outer, begin / bands);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t r = i % bands * kTile;
      const T* in = static_cast<const T*>(from) + walker.from() + r;
      T* out = static_cast<T*>(to) + walker.to() + r * rows.to_stride;
      for (int64_t c = 0; c < columns.extent; c += kTile) {
        TransposeTile(in + c * columns.from_stride, columns.from_stride, out + c, rows.to_stride,
                      std::min(kTile, rows.extent - r), std::min(kTile, columns.extent - c));
      }
      if (i % bands == bands - 1) walker.Next();
    }
  });
}

void PermuteOnCpu(const View& x, const std::vector<int>& axes, const View& y) {
  if (x.numel() == 0) return;
  PermutePlan plan = PlanPermute(x, axes);
  if (plan.ndim <= 1) return y.CopyFrom(x);
  const int64_t size = plan.WidenElements(static_cast<int64_t>(SizeOf(x.dtype())), /*widest=*/8,
                                          x.raw_data(), y.raw_data());
  const PermuteDim columns = plan.back();
  plan.Erase(plan.ndim - 1);
  if (columns.from_stride == 1) {
    return CopyRuns(x.device(), plan, columns.extent * size, size,
                    static_cast<const char*>(x.raw_data()), static_cast<char*>(y.raw_data()));
  }
  const int inner = plan.InnerOfX();
  const PermuteDim rows = plan[inner];
  plan.Erase(inner);
  const auto run = [&]<typename T>(T) {
    TransposeTiles<T>(x.device(), plan, rows, columns, x.raw_data(), y.raw_data());
  };
  switch (size) {
    case 1:
      return run(uint8_t{});
    case 2:
      return run(uint16_t{});
    case 4:
      return run(uint32_t{});
    default:
      return run(uint64_t{});
  }
}

CONVOY_REGISTER_KERNEL(permute, kCpu, PermuteOnCpu);

}  // namespace
}  // namespace convoy
