// CPU kernel of Attention's forward: one block of queries at a time, with a running maximum and sum
// over tiles of keys.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/attention_forward.cc"
#include "hwy/foreach_target.h"
#include "ops/cpu/attention_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

/// Per column (query) of the tiles seen so far.
template <typename C>
struct RunningSoftmax {
  HWY_ALIGN C max[kTileQueries];
  HWY_ALIGN C sum[kTileQueries];      ///< of 2^(score - max)
  HWY_ALIGN C rescale[kTileQueries];  ///< what the newest tile made of sums taken before it
};

/// s (keys, columns) = 2^(s - max), with `softmax` brought up to date.
template <typename C>
void AddToSoftmax(size_t keys, size_t begin, size_t end, Panel<C> s, RunningSoftmax<C>& softmax) {
  const hn::ScalableTag<C> d;
  for (size_t c = begin; c < end; c += hn::Lanes(d)) {
    const auto old_max = hn::Load(d, softmax.max + c);
    auto max = old_max;
    for (size_t r = 0; r < keys; ++r) max = hn::Max(max, hn::LoadU(d, s.data + r * s.stride + c));
    const auto rescale = Exp2(d, hn::Sub(old_max, max));
    auto sum = hn::Mul(rescale, hn::Load(d, softmax.sum + c));
    for (size_t r = 0; r < keys; ++r) {
      C* at = s.data + r * s.stride + c;
      const auto p = Exp2(d, hn::Sub(hn::LoadU(d, at), max));
      sum = hn::Add(sum, p);
      hn::StoreU(p, d, at);
    }
    hn::Store(max, d, softmax.max + c);
    hn::Store(sum, d, softmax.sum + c);
    hn::Store(rescale, d, softmax.rescale + c);
  }
}

/// Turns `out` (dim, columns), sums weighted with 2^(score - max), into means; sum becomes its
/// inverse. Without any key the output and that are zero.
template <typename C>
void Normalise(size_t dim, size_t columns, Panel<C> out, RunningSoftmax<C>& softmax) {
  const hn::ScalableTag<C> d;
  for (size_t c = 0; c < columns; c += hn::Lanes(d)) {
    const auto sum = hn::Load(d, softmax.sum + c);
    const auto empty = hn::Eq(sum, hn::Zero(d));
    const auto inverse = hn::IfThenZeroElse(empty, hn::Div(hn::Set(d, C{1}), sum));
    for (size_t i = 0; i < dim; ++i) {
      C* at = out.data + i * out.stride + c;
      hn::StoreU(hn::Mul(hn::LoadU(d, at), inverse), d, at);
    }
    hn::Store(inverse, d, softmax.sum + c);
  }
}

/// Computes the output of blocks of queries; holds one thread's scratch memory.
template <typename T>
class ForwardWorker {
  using C = ComputeType<T>;

 public:
  ForwardWorker(const AttentionProblem& p, const AttentionInputs& inputs, const View& out,
                const View& softmax)
      : p_(p),
        q_rows_(inputs.q),
        q_(inputs.q.tensor.data<T>()),
        out_(out.data<T>()),
        kept_(softmax.defined() ? softmax.data<C>() : nullptr),
        dim_(static_cast<size_t>(p.dim)),
        width_(PadToLanes<C>(dim_)),
        rows_(out.device(), kTileQueries * width_),
        q_transposed_(out.device(), width_ * kTileQueries),
        out_transposed_(out.device(), width_ * kTileQueries),
        scores_(out.device(), kTileKeys * kTileQueries),
        keys_(out.device(), inputs.k, dim_),
        values_(out.device(), inputs.v, dim_) {}

  /// Queries [query, query + kTileQueries) of head h of batch b.
  void Run(int64_t b, int64_t h, size_t query) {
    const size_t count = std::min(kTileQueries, static_cast<size_t>(p_.queries) - query);
    const size_t columns = PadToLanes<C>(count);
    const Panel<C> rows{rows_.data(), width_};
    const Panel<C> out{out_transposed_.data(), kTileQueries};
    PackRows(q_ + q_rows_.Start(b, static_cast<int64_t>(query), h, p_.dim), q_rows_.stride, count,
             dim_, static_cast<C>(p_.scale * std::numbers::log2e), columns, rows);
    Transpose<C>(columns, width_, {rows.data, rows.stride}, {q_transposed_.data(), kTileQueries});

    std::fill_n(softmax_.max, columns, std::numeric_limits<C>::lowest());
    std::fill_n(softmax_.sum, columns, C{0});
    std::fill_n(out.data, width_ * kTileQueries, C{0});
    ForEachKeyTile<C>(p_, query, count, 0, static_cast<size_t>(p_.keys),
                      [&](const KeyTile& tile) { Add(b, h, query, columns, tile); });
    Normalise(dim_, columns, out, softmax_);

    const size_t at = static_cast<size_t>((b * p_.heads + h) * p_.queries) + query;
    if (kept_) {
      std::copy_n(softmax_.max, count, kept_ + at);
      std::copy_n(softmax_.sum, count, kept_ + p_.batch * p_.heads * p_.queries + at);
    }
    Transpose<C>(width_, columns, {out.data, out.stride}, rows);
    const int64_t stride = p_.heads * p_.dim;
    const int64_t first = (b * p_.queries + static_cast<int64_t>(query)) * stride + h * p_.dim;
    WriteRows<T, C>({rows.data, rows.stride}, count, dim_, 1, false, out_ + first, stride);
  }

 private:
  /// One tile of keys: out = out * rescale + v^T softmax(k q^T), all of it transposed.
  void Add(int64_t b, int64_t h, size_t query, size_t columns, const KeyTile& tile) {
    const size_t n = columns - tile.column;
    const Panel<C> scores{scores_.data() + tile.column, kTileQueries};
    SmallGemm<C>(tile.keys, n, dim_, keys_.Load(b, h, tile.key, tile.keys),
                 {q_transposed_.data() + tile.column, kTileQueries}, scores);
    if (p_.causal) MaskDiagonal(tile.keys, n, tile.key, query + tile.column, scores);
    AddToSoftmax(tile.keys, tile.column, columns, {scores_.data(), kTileQueries}, softmax_);
    SmallGemm<C>(dim_, n, tile.keys, Transposed(values_.Load(b, h, tile.key, tile.keys)),
                 {scores.data, scores.stride}, {out_transposed_.data() + tile.column, kTileQueries},
                 {Update<C>::kScaleAndAdd, softmax_.rescale + tile.column});
  }

  const AttentionProblem& p_;
  const AttentionRows& q_rows_;
  const T* q_;
  T* out_;
  C* kept_;  // (2, B, H, Tq): each query's max and 1 / sum
  size_t dim_, width_;
  Buffer<C> rows_;            // (queries, width): q, then the output
  Buffer<C> q_transposed_;    // (width, queries)
  Buffer<C> out_transposed_;  // (width, queries)
  Buffer<C> scores_;          // (keys, queries)
  RowReader<T> keys_, values_;
  RunningSoftmax<C> softmax_;
};

void AttentionForward(const AttentionProblem& p, const AttentionInputs& inputs, const View& out,
                      const View& softmax) {
  if (out.numel() == 0) return;
  const int64_t blocks = (p.queries + int64_t{kTileQueries} - 1) / int64_t{kTileQueries};
  const int64_t block_work = int64_t{kTileQueries} * std::max<int64_t>(p.keys, 1) * p.dim;
  DispatchFloating(out.dtype(), "Attention", [&]<typename T>(T) {
    ParallelFor(out.device(), p.batch * p.heads * blocks, kAttentionGrain / block_work + 1,
                [&](int64_t begin, int64_t end) {
                  ForwardWorker<T> worker(p, inputs, out, softmax);
                  for (int64_t i = begin; i < end; ++i) {
                    const int64_t head = i / blocks, n = i % blocks;
                    // First and last block in turn: causal ones cost more towards the end, and
                    // every thread is to have the same share.
                    const int64_t block = n % 2 == 0 ? n / 2 : blocks - 1 - n / 2;
                    worker.Run(head / p.heads, head % p.heads,
                               static_cast<size_t>(block) * kTileQueries);
                  }
                });
  });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {

CONVOY_CPU_KERNEL(attention_forward, AttentionForward);

}  // namespace convoy
#endif  // HWY_ONCE
