// CPU kernels that copy a slice out of a tensor or into one.
#include "ops/shape_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/copy.cc"
#include "hwy/foreach_target.h"
#include "ops/cpu/rows-inl.h"
#include "ops/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

// Calls `f(row, begin, count)` so that the pieces cover `rows` rows of `n` elements, in parallel
// whether there are many rows or a single long one.
template <class F>
void ForEachPiece(Device device, int64_t rows, int64_t n, F&& f) {
  ParallelFor(device, rows * n, 2 * kRowGrain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t in_row = begin % n;
      const int64_t count = std::min(n - in_row, end - begin);
      f(begin / n, in_row, count);
      begin += count;
    }
  });
}

template <typename T>
void AddTo(T* to, const T* from, int64_t count) {
  StoreGrad(
      static_cast<size_t>(count), to, /*accumulate=*/true, [](auto, auto v) HWY_ATTR { return v; },
      from);
}

void TakeSlice(const View& whole, const SliceRange& range, const GradTarget& part) {
  const int64_t n = (range.end - range.begin) * range.inner;
  const int64_t stride = range.extent * range.inner;
  const int64_t offset = range.begin * range.inner;
  if (part.accumulate) {
    DispatchFloating(whole.dtype(), "Slice", [&]<typename T>(T) {
      ForEachPiece(whole.device(), range.outer, n, [&](int64_t row, int64_t at, int64_t count) {
        AddTo(part.tensor.data<T>() + row * n + at, whole.data<T>() + row * stride + offset + at,
              count);
      });
    });
    return;
  }
  const int64_t size = static_cast<int64_t>(SizeOf(whole.dtype()));
  const char* from = static_cast<const char*>(whole.raw_data());
  char* to = static_cast<char*>(part.tensor.raw_data());
  ForEachPiece(whole.device(), range.outer, n, [&](int64_t row, int64_t at, int64_t count) {
    std::memcpy(to + (row * n + at) * size, from + (row * stride + offset + at) * size,
                static_cast<size_t>(count * size));
  });
}

// Every element of `whole` is written once: copied if it lies in the range, else zeroed.
void CopyZeroRest(const View& part, const SliceRange& range, const View& whole) {
  const int64_t size = static_cast<int64_t>(SizeOf(whole.dtype()));
  const int64_t stride = range.extent * range.inner;
  const int64_t first = range.begin * range.inner;
  const int64_t last = range.end * range.inner;
  const char* from = static_cast<const char*>(part.raw_data());
  char* to = static_cast<char*>(whole.raw_data());
  ForEachPiece(whole.device(), range.outer, stride, [&](int64_t row, int64_t at, int64_t count) {
    const int64_t end = at + count;
    const int64_t copy_begin = std::clamp(first, at, end);
    const int64_t copy_end = std::clamp(last, at, end);
    char* row_to = to + row * stride * size;
    std::memset(row_to + at * size, 0, static_cast<size_t>((copy_begin - at) * size));
    std::memcpy(row_to + copy_begin * size,
                from + (row * (last - first) + copy_begin - first) * size,
                static_cast<size_t>((copy_end - copy_begin) * size));
    std::memset(row_to + copy_end * size, 0, static_cast<size_t>((end - copy_end) * size));
  });
}

void PutSlice(const View& part, const SliceRange& range, PutMode mode, const View& whole) {
  if (mode == PutMode::kCopyZeroRest) return CopyZeroRest(part, range, whole);
  const int64_t n = (range.end - range.begin) * range.inner;
  const int64_t stride = range.extent * range.inner;
  const int64_t offset = range.begin * range.inner;
  if (mode == PutMode::kAdd) {
    DispatchFloating(whole.dtype(), "Slice", [&]<typename T>(T) {
      ForEachPiece(whole.device(), range.outer, n, [&](int64_t row, int64_t at, int64_t count) {
        AddTo(whole.data<T>() + row * stride + offset + at, part.data<T>() + row * n + at, count);
      });
    });
    return;
  }
  const int64_t size = static_cast<int64_t>(SizeOf(whole.dtype()));
  const char* from = static_cast<const char*>(part.raw_data());
  char* to = static_cast<char*>(whole.raw_data());
  ForEachPiece(whole.device(), range.outer, n, [&](int64_t row, int64_t at, int64_t count) {
    std::memcpy(to + (row * stride + offset + at) * size, from + (row * n + at) * size,
                static_cast<size_t>(count * size));
  });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {

CONVOY_CPU_KERNEL(take_slice, TakeSlice);
CONVOY_CPU_KERNEL(put_slice, PutSlice);

}  // namespace convoy
#endif  // HWY_ONCE
