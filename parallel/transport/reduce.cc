// The one kernel of reducing collectives: several inputs, element by element, into several outputs.
#include "parallel/transport/reduce.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "parallel/transport/reduce.cc"
#include "hwy/foreach_target.h"
#include "ops/cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

// Vectors in flight: amortises the reload of the pointers.
constexpr size_t kUnroll = 4;

template <typename T, class F>
HWY_INLINE void Reduce(F&& f, std::span<void* const> in, int64_t in_offset,
                       std::span<void* const> out, int64_t out_offset, size_t n) {
  const TagFor<T> d;
  const size_t lanes = hn::Lanes(d);
  const auto from = [=](size_t r, size_t i) {
    return static_cast<const T*>(in[r]) + in_offset + i;
  };
  const auto to = [=](size_t r, size_t i) { return static_cast<T*>(out[r]) + out_offset + i; };
  size_t i = 0;
  for (; i + kUnroll * lanes <= n; i += kUnroll * lanes) {
    const T* first = from(0, i);
    auto v0 = LoadAs(d, first), v1 = LoadAs(d, first + lanes);
    auto v2 = LoadAs(d, first + 2 * lanes), v3 = LoadAs(d, first + 3 * lanes);
    for (size_t r = 1; r < in.size(); ++r) {
      const T* next = from(r, i);
      v0 = f(v0, LoadAs(d, next));
      v1 = f(v1, LoadAs(d, next + lanes));
      v2 = f(v2, LoadAs(d, next + 2 * lanes));
      v3 = f(v3, LoadAs(d, next + 3 * lanes));
    }
    for (size_t r = 0; r < out.size(); ++r) {
      T* target = to(r, i);
      StoreAs(v0, d, target);
      StoreAs(v1, d, target + lanes);
      StoreAs(v2, d, target + 2 * lanes);
      StoreAs(v3, d, target + 3 * lanes);
    }
  }
  for (; i < n; i += lanes) {
    const size_t count = HWY_MIN(lanes, n - i);
    auto v = LoadPartial(d, from(0, i), count);
    for (size_t r = 1; r < in.size(); ++r) v = f(v, LoadPartial(d, from(r, i), count));
    for (size_t r = 0; r < out.size(); ++r) StorePartial(v, d, to(r, i), count);
  }
}

void ReduceInOrder(DType dtype, ReduceOp op, std::span<void* const> in, int64_t in_offset,
                   std::span<void* const> out, int64_t out_offset, size_t n) {
  DispatchAll(dtype, [&]<typename T>(T) HWY_ATTR {
    if constexpr (!std::is_same_v<T, bool>) {
      const auto reduce = [&](auto&& f)
                              HWY_ATTR { Reduce<T>(f, in, in_offset, out, out_offset, n); };
      switch (op) {
        case ReduceOp::kSum:
          return reduce([](auto a, auto b) HWY_ATTR { return hn::Add(a, b); });
        case ReduceOp::kMax:
          return reduce([](auto a, auto b) HWY_ATTR { return MaxOrNaN(a, b); });
        case ReduceOp::kMin:
          return reduce([](auto a, auto b) HWY_ATTR { return MinOrNaN(a, b); });
      }
    }
  });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace convoy::transport {

HWY_EXPORT(ReduceInOrder);

void ReduceInOrder(DType dtype, ReduceOp op, std::span<void* const> in, int64_t in_offset,
                   std::span<void* const> out, int64_t out_offset, int64_t n) {
  HWY_DYNAMIC_DISPATCH(ReduceInOrder)
  (dtype, op, in, in_offset, out, out_offset, static_cast<size_t>(n));
}

}  // namespace convoy::transport
#endif  // HWY_ONCE
