// CPU kernel of Transpose and Permute: runs that stay contiguous are copied, everything else goes
// through a tiled transpose, for elements of 1, 2, 4 or 8 bytes whatever their dtype.
#include <algorithm>
#include <array>
#include <cstring>

#include "core/threads.h"
#include "ops/shape_kernels.h"

namespace convoy {
namespace {

constexpr int64_t kTile = 32;              // rows and columns of a tile: both sides stay in L1
constexpr int64_t kGrainBytes = 64 << 10;  // worth a thread's while

// One dimension of the result: its extent, and how far a step along it moves in x and in y.
struct Dim {
  int64_t extent = 1;
  int64_t from_stride = 0;
  int64_t to_stride = 0;
};

// The dimensions of the result, outermost first, with extents of 1 dropped and neighbours merged
// that are neighbours in x too.
struct Plan {
  std::array<Dim, Shape::kMaxDims> dims{};
  int ndim = 0;

  const Dim& operator[](int i) const { return dims[static_cast<size_t>(i)]; }
  Dim& back() { return dims[static_cast<size_t>(ndim - 1)]; }

  void Erase(int i) {
    std::move(dims.begin() + i + 1, dims.begin() + ndim, dims.begin() + i);
    --ndim;
  }

  int64_t Numel() const {
    int64_t numel = 1;
    for (int i = 0; i < ndim; ++i) numel *= (*this)[i].extent;
    return numel;
  }
};

Plan MakePlan(const Tensor& x, const std::vector<int>& axes) {
  Plan plan;
  for (const int axis : axes) {
    const int64_t extent = x.dim(axis);
    const int64_t stride = x.shape().Product(axis + 1, x.ndim());
    if (extent == 1) continue;
    if (plan.ndim > 0 && plan.back().from_stride == extent * stride) {
      plan.back() = {plan.back().extent * extent, stride, 0};
    } else {
      ++plan.ndim;
      plan.back() = {extent, stride, 0};
    }
  }
  int64_t stride = 1;
  for (int i = plan.ndim; i-- > 0;) {
    plan.dims[static_cast<size_t>(i)].to_stride = stride;
    stride *= plan[i].extent;
  }
  return plan;
}

// Walks the index tuples of a plan in order, keeping the offsets in x and y.
class Walker {
 public:
  Walker(const Plan& plan, int64_t position) : plan_(plan) {
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
      const Dim& dim = plan_[i];
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
  const Plan& plan_;
  std::array<int64_t, Shape::kMaxDims> index_{};
  int64_t from_ = 0;
  int64_t to_ = 0;
};

// The last dimension is contiguous on both sides: `run_bytes` at a time.
void CopyRuns(Device device, const Plan& outer, int64_t run_bytes, int64_t size, const char* from,
              char* to) {
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
void TransposeTiles(Device device, const Plan& outer, const Dim& rows, const Dim& columns,
                    const void* from, void* to) {
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

// Takes runs of 2, 4 or 8 bytes in all for single elements if `x` and `y` are aligned for that;
// returns the new size of an element.
int64_t WidenElements(Plan& plan, int64_t size, const void* x, const void* y) {
  const int64_t run = plan.back().from_stride == 1 ? plan.back().extent : 1;
  const int64_t bytes = run * size;
  const auto address = reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(y);
  const bool one_element = bytes == 2 || bytes == 4 || bytes == 8;
  if (run == 1 || !one_element || address % static_cast<uintptr_t>(bytes) != 0) return size;
  plan.Erase(plan.ndim - 1);
  for (int i = 0; i < plan.ndim; ++i) {
    plan.dims[static_cast<size_t>(i)].from_stride /= run;
    plan.dims[static_cast<size_t>(i)].to_stride /= run;
  }
  return bytes;
}

void PermuteOnCpu(const Tensor& x, const std::vector<int>& axes, const Tensor& y) {
  if (x.numel() == 0) return;
  Plan plan = MakePlan(x, axes);
  if (plan.ndim <= 1) return y.CopyFrom(x.View(y.shape()));
  const int64_t size =
      WidenElements(plan, static_cast<int64_t>(SizeOf(x.dtype())), x.raw_data(), y.raw_data());
  const Dim columns = plan.back();
  plan.Erase(plan.ndim - 1);
  if (columns.from_stride == 1) {
    return CopyRuns(x.device(), plan, columns.extent * size, size,
                    static_cast<const char*>(x.raw_data()), static_cast<char*>(y.raw_data()));
  }
  int inner = 0;  // the dimension that is contiguous in x
  while (plan[inner].from_stride != 1) ++inner;
  const Dim rows = plan[inner];
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
