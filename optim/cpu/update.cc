// CPU kernels of the optimizers: all of a bucket's arrays in one vectorised pass.
#include "optim/step_kernels.h"
#include "optim/update_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optim/cpu/update.cc"
#include <algorithm>
#include <cmath>

#include "core/threads.h"
#include "hwy/foreach_target.h"
#include "ops/cpu/simd-inl.h"
#include "optim/flat_alignment.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

// Segments begin and end at multiples of kAlign, which a vector's lanes divide: no loop has a
// remainder.
inline constexpr int64_t kAlign = kFlatAlignElements;
inline constexpr int64_t kMaxLanes = 16;
static_assert(kAlign % kMaxLanes == 0);
template <typename T>
using AlignedTag = hn::CappedTag<ComputeType<T>, kMaxLanes>;

// What is worth a thread's while, in blocks of kAlign elements.
inline constexpr int64_t kGrainBlocks = 64;

// Calls `f(begin, end, segment)` for pieces that cover the bucket, in parallel.
template <class F>
void ForEachPiece(const UpdateBucket& bucket, F&& f) {
  ParallelFor(bucket.values.device(), bucket.values.numel() / kAlign, kGrainBlocks,
              [&](int64_t first_block, int64_t last_block) {
                const int64_t first = first_block * kAlign;
                const int64_t last = last_block * kAlign;
                for (int64_t s = 0; s < bucket.segments.dim(0); ++s) {
                  const UpdateSegment& segment = bucket.SegmentData()[s];
                  const int64_t begin = std::max(first, static_cast<int64_t>(segment.begin));
                  const int64_t end = std::min(last, static_cast<int64_t>(segment.end));
                  if (begin < end) f(begin, end, segment);
                }
              });
}

// The values of a bucket in the type of computation. For 16-bit parameters these are the f32
// masters. A master that no longer rounds to its parameter is stale: other code has written the
// parameter, so the parameter's value counts.
template <typename T>
class Values {
 public:
  using C = ComputeType<T>;

  explicit Values(const UpdateBucket& bucket) : values_(bucket.values.data<T>()) {
    if constexpr (kMaster) master_ = bucket.master.data<C>();
  }

  template <class D>
  HWY_INLINE hn::Vec<D> Load(D d, int64_t i) const {
    const auto value = LoadAs(d, values_ + i);
    if constexpr (kMaster) {
      const auto master = hn::LoadU(d, master_ + i);
      HWY_ALIGN T rounded[static_cast<size_t>(kMaxLanes)];
      StoreAs(master, d, rounded);
      return hn::IfThenElse(hn::Eq(LoadAs(d, rounded), value), master, value);
    } else {
      return value;
    }
  }

  template <class D>
  HWY_INLINE void Store(hn::Vec<D> v, D d, int64_t i) const {
    if constexpr (kMaster) hn::StoreU(v, d, master_ + i);
    StoreAs(v, d, values_ + i);
  }

 private:
  static constexpr bool kMaster = !std::is_same_v<T, C>;

  T* values_;
  C* master_ = nullptr;
};

// Multiplications and additions are kept apart: memory sets the pace anyway, and the bits are then
// the same with and without a fused multiply-add.
template <class V>
HWY_INLINE V MulThenAdd(V a, V b, V c) {
  return hn::Add(hn::Mul(a, b), c);
}

template <typename T, bool kMomentum, bool kNesterov>
void SgdBucket(const UpdateBucket& bucket, const SgdRule& rule) {
  using C = ComputeType<T>;
  const StepControl& control = *ControlOf(bucket.control);
  const Values<T> values(bucket);
  const T* gradients = bucket.gradients.data<T>();
  C* moments = kMomentum ? bucket.states[0].data<C>() : nullptr;
  ForEachPiece(bucket, [&](int64_t begin, int64_t end, const UpdateSegment& segment) HWY_ATTR {
    const AlignedTag<T> d;
    const auto scale = hn::Set(d, static_cast<C>(control.grad_scale));
    const auto decay = hn::Set(d, static_cast<C>(segment.weight_decay));
    const auto momentum = hn::Set(d, static_cast<C>(rule.momentum));
    const auto rate = hn::Set(d, static_cast<C>(control.lr * segment.lr_scale));
    for (int64_t i = begin; i < end; i += static_cast<int64_t>(hn::Lanes(d))) {
      const auto p = values.Load(d, i);
      const auto g = MulThenAdd(decay, p, hn::Mul(scale, LoadAs(d, gradients + i)));
      auto direction = g;
      if constexpr (kMomentum) {
        const auto m = MulThenAdd(momentum, hn::LoadU(d, moments + i), g);
        hn::StoreU(m, d, moments + i);
        direction = kNesterov ? MulThenAdd(momentum, m, g) : m;
      }
      values.Store(hn::Sub(p, hn::Mul(rate, direction)), d, i);
    }
  });
}

void SgdUpdate(const UpdateBucket& bucket, const SgdRule& rule) {
  if (ControlOf(bucket.control)->skip != 0) return;
  DispatchFloating(bucket.values.dtype(), "Sgd", [&]<typename T>(T) {
    if (rule.nesterov) return SgdBucket<T, true, true>(bucket, rule);
    if (rule.momentum != 0) return SgdBucket<T, true, false>(bucket, rule);
    return SgdBucket<T, false, false>(bucket, rule);
  });
}

template <typename T, bool kDecoupled>
void AdamBucket(const UpdateBucket& bucket, const AdamRule& rule) {
  using C = ComputeType<T>;
  const StepControl& control = *ControlOf(bucket.control);
  const Values<T> values(bucket);
  const T* gradients = bucket.gradients.data<T>();
  C* first = bucket.states[0].data<C>();
  C* second = bucket.states[1].data<C>();
  ForEachPiece(bucket, [&](int64_t begin, int64_t end, const UpdateSegment& segment) HWY_ATTR {
    const AlignedTag<T> d;
    const double lr = control.lr * segment.lr_scale;
    const auto scale = hn::Set(d, static_cast<C>(control.grad_scale));
    const auto decay = hn::Set(d, static_cast<C>(segment.weight_decay));
    const auto keep = hn::Set(d, static_cast<C>(1 - lr * segment.weight_decay));
    const auto beta1 = hn::Set(d, static_cast<C>(rule.beta1));
    const auto rest1 = hn::Set(d, static_cast<C>(1 - rule.beta1));
    const auto beta2 = hn::Set(d, static_cast<C>(rule.beta2));
    const auto rest2 = hn::Set(d, static_cast<C>(1 - rule.beta2));
    const auto root_scale = hn::Set(d, static_cast<C>(1 / std::sqrt(control.correction2)));
    const auto eps = hn::Set(d, static_cast<C>(rule.eps));
    const auto rate = hn::Set(d, static_cast<C>(lr / control.correction1));
    for (int64_t i = begin; i < end; i += static_cast<int64_t>(hn::Lanes(d))) {
      auto p = values.Load(d, i);
      auto g = hn::Mul(scale, LoadAs(d, gradients + i));
      if constexpr (kDecoupled) {
        p = hn::Mul(p, keep);
      } else {
        g = MulThenAdd(decay, p, g);
      }
      const auto m = MulThenAdd(beta1, hn::LoadU(d, first + i), hn::Mul(rest1, g));
      const auto v = MulThenAdd(beta2, hn::LoadU(d, second + i), hn::Mul(hn::Mul(rest2, g), g));
      hn::StoreU(m, d, first + i);
      hn::StoreU(v, d, second + i);
      const auto root = MulThenAdd(hn::Sqrt(v), root_scale, eps);
      values.Store(hn::Sub(p, hn::Mul(rate, hn::Div(m, root))), d, i);
    }
  });
}

void AdamUpdate(const UpdateBucket& bucket, const AdamRule& rule) {
  if (ControlOf(bucket.control)->skip != 0) return;
  DispatchFloating(bucket.values.dtype(), "Adam", [&]<typename T>(T) {
    if (rule.decoupled) return AdamBucket<T, true>(bucket, rule);
    return AdamBucket<T, false>(bucket, rule);
  });
}

// Loads as many elements as `d` has lanes, as f64.
template <class D, typename T>
HWY_INLINE hn::Vec<D> LoadAsDouble(D d, const T* from) {
  if constexpr (std::is_same_v<T, double>) {
    return hn::LoadU(d, from);
  } else {
    return hn::PromoteTo(d, LoadAs(hn::Rebind<float, D>(), from));
  }
}

// Sum of squares of kAlign elements.
template <typename T>
double SumSquares(const T* x) {
  const hn::CappedTag<double, kMaxLanes / 2> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto even = hn::Zero(d), odd = even;
  for (int64_t i = 0; i < kAlign; i += 2 * lanes) {
    const auto a = LoadAsDouble(d, x + i);
    const auto b = LoadAsDouble(d, x + i + lanes);
    even = hn::MulAdd(a, a, even);
    odd = hn::MulAdd(b, b, odd);
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(even, odd)));
}

void SumOfSquares(const View& x, const View& parts) {
  double* sums = parts.data<double>();
  DispatchFloating(x.dtype(), "GradNorm", [&]<typename T>(T) {
    const T* data = x.data<T>();
    ParallelFor(x.device(), parts.numel(), kGrainBlocks, [&](int64_t begin, int64_t end) HWY_ATTR {
      for (int64_t block = begin; block < end; ++block) {
        sums[block] = SumSquares(data + block * kAlign);
      }
    });
  });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {

CONVOY_CPU_KERNEL(sgd_update, SgdUpdate);
CONVOY_CPU_KERNEL(adam_update, AdamUpdate);
CONVOY_CPU_KERNEL(sum_of_squares, SumOfSquares);

}  // namespace convoy
#endif  // HWY_ONCE
