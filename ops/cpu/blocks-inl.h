// The loop of all point-wise CPU kernels: block by block over the output, whatever the dtypes and
// however the operands stretch.
//
// A block is some hundred consecutive elements of the output. Operands that are not plain arrays
// of the type of computation (16-bit, stretched, constant) are brought into that form in a buffer
// within the L1 cache. So a function is compiled for arrays of f32 and f64 only, and full-size
// operands of these types are read and written where they are.
#if defined(CONVOY_OPS_CPU_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_OPS_CPU_BLOCKS_INL_H_
#undef CONVOY_OPS_CPU_BLOCKS_INL_H_
#else
#define CONVOY_OPS_CPU_BLOCKS_INL_H_
#endif

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

#include "core/threads.h"
#include "core/view.h"
#include "ops/cpu/simd-inl.h"
#include "ops/pointwise/functions.h"
#include "ops/pointwise/operand.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

inline constexpr int64_t kBlock = 1024;
/// Rows at least this long are cut into blocks one by one; of shorter ones, a block takes many.
inline constexpr int64_t kLongRow = 256;
/// Elements that are worth a thread's while.
inline constexpr int64_t kPointwiseGrain = 16 << 10;

/// out[i] = f(in[0][i], in[1][i], ...) for i in [0, n), C being f32 or f64.
template <typename C>
using BlockFunction = void (*)(size_t n, C* out, const C* const* in,
                               const UnaryParameters& parameters);

/// Copies n elements of type T to type C.
template <typename C, typename T>
void Widen(size_t n, const T* from, C* to) {
  if constexpr (std::is_same_v<T, bool>) {
    for (size_t i = 0; i < n; ++i) to[i] = from[i] ? C{1} : C{0};
  } else {
    const hn::ScalableTag<C> d;
    const size_t lanes = hn::Lanes(d);
    size_t i = 0;
    for (; i + lanes <= n; i += lanes) hn::StoreU(LoadAs(d, from + i), d, to + i);
    for (; i < n; ++i) to[i] = static_cast<C>(from[i]);
  }
}

/// Copies (or adds) n elements of type C to type T.
template <typename C, typename T>
void Narrow(size_t n, const C* from, T* to, bool accumulate) {
  const hn::ScalableTag<C> d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  if (accumulate) {
    for (; i + lanes <= n; i += lanes) {
      StoreAs(hn::LoadU(d, from + i) + LoadAs(d, to + i), d, to + i);
    }
    for (; i < n; ++i) to[i] = static_cast<T>(static_cast<C>(to[i]) + from[i]);
  } else {
    for (; i + lanes <= n; i += lanes) StoreAs(hn::LoadU(d, from + i), d, to + i);
    for (; i < n; ++i) to[i] = static_cast<T>(from[i]);
  }
}

/// Operand number `index` of a plan, and the greatest number of elements read at a time.
struct BlockSource {
  const Operand& operand;
  const BroadcastPlan& plan;
  int index;
  int64_t longest;
};

/// One operand on its way through the blocks of one thread. T is its element type.
template <typename C, typename T>
class BlockReader {
 public:
  explicit BlockReader(const BlockSource& source) : plan_(source.plan), index_(source.index) {
    if (source.operand.is_constant()) {
      std::fill(buffer_, buffer_ + source.longest, static_cast<C>(source.operand.constant));
    } else {
      data_ = source.operand.tensor.data<T>();
    }
  }
  BlockReader(const BlockReader&) = delete;
  BlockReader& operator=(const BlockReader&) = delete;

  /// Elements [begin, begin + n) of the output's order, as an array; n <= kBlock.
  const C* Read(int64_t begin, int64_t n) {
    if (data_ == nullptr) return buffer_;
    if (plan_.contiguous[index_]) return Array(data_ + begin, n, buffer_);
    const int64_t inner = plan_.inner();
    const bool moves = plan_.strides[index_][plan_.ndim - 1] != 0;
    for (int64_t done = 0; done < n;) {
      const int64_t row = (begin + done) / inner;
      const int64_t column = (begin + done) % inner;
      const int64_t length = std::min(n - done, inner - column);
      const T* from = data_ + plan_.RowOffset(index_, row) + (moves ? column : 0);
      if (!moves) {
        std::fill(buffer_ + done, buffer_ + done + length, static_cast<C>(*from));
      } else if (length == n) {
        return Array(from, n, buffer_);
      } else {
        Widen(static_cast<size_t>(length), from, buffer_ + done);
      }
      done += length;
    }
    return buffer_;
  }

 private:
  static const C* Array(const T* from, int64_t n, C* buffer) {
    if constexpr (std::is_same_v<T, C>) {
      return from;
    } else {
      Widen(static_cast<size_t>(n), from, buffer);
      return buffer;
    }
  }

  const BroadcastPlan& plan_;
  const int index_;
  const T* data_ = nullptr;
  HWY_ALIGN C buffer_[kBlock];
};

/// out (+)= f(operands...), each operand stretched to the shape of `out` and of element type
/// Element (bool for a condition) or else that of `out`. `out` may be a full-size operand.
template <typename T, typename... Elements>
void RunBlocks(const GradTarget& out, std::span<const Operand> operands,
               BlockFunction<ComputeType<T>> f, const UnaryParameters& parameters = {}) {
  using C = ComputeType<T>;
  const BroadcastPlan plan = PlanBroadcast(out.tensor.shape(), operands);
  T* to = out.tensor.data<T>();
  const bool direct = std::is_same_v<T, C> && !out.accumulate;
  const int64_t row_length = plan.inner() >= kLongRow ? plan.inner() : out.tensor.numel();
  ParallelFor(out.tensor.device(), out.tensor.numel(), kPointwiseGrain,
              [&](int64_t begin, int64_t end) {
                [&]<size_t... I>(std::index_sequence<I...>) {
                  const int64_t longest = std::min(kBlock, end - begin);
                  std::tuple<BlockReader<C, Elements>...> readers{
                      BlockSource{operands[I], plan, static_cast<int>(I), longest}...};
                  HWY_ALIGN C result[kBlock];
                  for (int64_t at = begin; at < end;) {
                    const int64_t n = std::min({kBlock, end - at, row_length - at % row_length});
                    const C* in[] = {std::get<I>(readers).Read(at, n)...};
                    C* block = result;
                    if constexpr (std::is_same_v<T, C>) {
                      if (direct) block = to + at;
                    }
                    f(static_cast<size_t>(n), block, in, parameters);
                    if (!direct) Narrow(static_cast<size_t>(n), result, to + at, out.accumulate);
                    at += n;
                  }
                }
                (std::index_sequence_for<Elements...>());
              });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // CONVOY_OPS_CPU_BLOCKS_INL_H_
