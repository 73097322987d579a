// CPU kernel of Attention's backward: the weights of each tile are computed again from the scores
// and what the forward has kept of each softmax, and the three gradients summed tile by tile.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cpu/attention_backward.cc"
#include "hwy/foreach_target.h"
#include "ops/cpu/attention_tiles-inl.h"

HWY_BEFORE_NAMESPACE();
namespace convoy::HWY_NAMESPACE {

/// p (keys, columns) holds scores and becomes 2^(p - max): weights times the sum of a query's
/// exponentials, by which dout and delta have been divided. ds holds dout v^T and becomes the
/// gradient of the scores, p * (ds - delta).
template <typename C>
void ScoreGradients(size_t keys, size_t columns, const C* max, const C* delta, Panel<C> p,
                    Panel<C> ds) {
  const hn::ScalableTag<C> d;
  for (size_t c = 0; c < columns; c += hn::Lanes(d)) {
    const auto shift = hn::LoadU(d, max + c);
    const auto mean = hn::LoadU(d, delta + c);
    for (size_t r = 0; r < keys; ++r) {
      C* p_at = p.data + r * p.stride + c;
      C* ds_at = ds.data + r * ds.stride + c;
      const auto weight = Exp2(d, hn::Sub(hn::LoadU(d, p_at), shift));
      hn::StoreU(weight, d, p_at);
      hn::StoreU(hn::Mul(weight, hn::Sub(hn::LoadU(d, ds_at), mean)), d, ds_at);
    }
  }
}

/// Zeroes columns [begin, end) of both: there are no such queries, and the zeros in their place
/// make NaN of keys that are infinite.
template <typename C>
void ClearColumns(size_t keys, size_t begin, size_t end, Panel<C> p, Panel<C> ds) {
  for (size_t r = 0; r < keys; ++r) {
    std::fill(p.data + r * p.stride + begin, p.data + r * p.stride + end, C{0});
    std::fill(ds.data + r * ds.stride + begin, ds.data + r * ds.stride + end, C{0});
  }
}

/// The lanes of the result hold parts of the sum of a[i] * b[i].
template <typename T>
HWY_INLINE hn::Vec<TagFor<T>> DotLanes(size_t n, const T* a, const T* b) {
  const TagFor<T> d;
  const size_t lanes = hn::Lanes(d);
  auto sum = hn::Zero(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) sum = hn::MulAdd(LoadAs(d, a + i), LoadAs(d, b + i), sum);
  if (i < n) sum = hn::MulAdd(LoadPartial(d, a + i, n - i), LoadPartial(d, b + i, n - i), sum);
  return sum;
}

/// A part of one head's queries and keys, and which gradients to take from it.
struct HeadPart {
  int64_t b, h;
  size_t first_query, last_query;  // multiples of kTileQueries, or the end
  size_t first_key, last_key;      // multiples of kTileKeys, or the end
  bool dq, dkv;
};

/// Computes gradients of parts of heads; holds one thread's scratch memory.
template <typename T>
class BackwardWorker {
  using C = ComputeType<T>;

 public:
  /// `max_keys` is the largest number of keys in a part that wants dkv.
  BackwardWorker(const AttentionProblem& p, const AttentionInputs& inputs, const View& out,
                 const View& softmax, const View& dout, const AttentionInputs& grads,
                 size_t max_keys)
      : p_(p),
        in_(inputs),
        grads_(grads),
        out_(out.data<T>()),
        dout_(dout.data<T>()),
        kept_(softmax.data<C>()),
        dim_(static_cast<size_t>(p.dim)),
        width_(PadToLanes<C>(dim_)),
        q_(out.device(), kTileQueries * width_),
        q_transposed_(out.device(), width_ * kTileQueries),
        do_(out.device(), kTileQueries * width_),
        do_transposed_(out.device(), width_ * kTileQueries),
        weights_(out.device(), kTileKeys * kTileQueries),
        score_grads_(out.device(), kTileKeys * kTileQueries),
        dq_transposed_(out.device(), width_ * kTileQueries),
        dk_(out.device(), max_keys * width_),
        dv_(out.device(), max_keys * width_),
        keys_(out.device(), inputs.k, dim_),
        values_(out.device(), inputs.v, dim_) {}

  void Run(const HeadPart& part) {
    const size_t keys = part.last_key - part.first_key;
    if (part.dkv) {
      std::fill_n(dk_.data(), keys * width_, C{0});
      std::fill_n(dv_.data(), keys * width_, C{0});
    }
    // Of a causal attention, queries before the first key see nothing of this part.
    const size_t begin = p_.causal ? std::max(part.first_query, part.first_key) : part.first_query;
    for (size_t query = begin; query < part.last_query; query += kTileQueries)
      AddQueries(part, query, std::min(kTileQueries, part.last_query - query));
    if (!part.dkv) return;
    // q was packed times scale * log2(e), of which dk wants the scale only.
    Write(grads_.k, part, part.first_key, keys, dk_, std::numbers::ln2_v<C>);
    Write(grads_.v, part, part.first_key, keys, dv_, 1);
  }

 private:
  static constexpr size_t kStride = kTileQueries;  // of the transposed tiles

  void AddQueries(const HeadPart& part, size_t query, size_t count) {
    const size_t columns = PadToLanes<C>(count);
    LoadQueries(part, query, count, columns);
    if (part.dq) std::fill_n(dq_transposed_.data(), width_ * kStride, C{0});
    ForEachKeyTile<C>(p_, query, count, part.first_key, part.last_key,
                      [&](const KeyTile& tile) { AddTile(part, query, count, columns, tile); });
    if (!part.dq) return;
    Transpose<C>(width_, columns, {dq_transposed_.data(), kStride}, {q_.data(), width_});
    Write(grads_.q, part, query, count, q_, static_cast<C>(p_.scale));
  }

  /// q, dout / sum, both transposed too, max and sum of the softmax, and delta / sum: the sum of
  /// dout * out of each query.
  void LoadQueries(const HeadPart& part, size_t query, size_t count, size_t columns) {
    const hn::ScalableTag<C> d;
    const int64_t t = static_cast<int64_t>(query);
    PackRows(in_.q.tensor.data<T>() + in_.q.Start(part.b, t, part.h, p_.dim), in_.q.stride, count,
             dim_, static_cast<C>(p_.scale * std::numbers::log2e), columns,
             Panel<C>{q_.data(), width_});
    Transpose<C>(columns, width_, {q_.data(), width_}, {q_transposed_.data(), kStride});

    const int64_t stride = p_.heads * p_.dim;
    const int64_t first = (part.b * p_.queries + t) * stride + part.h * p_.dim;
    const C* max = kept_ + (part.b * p_.heads + part.h) * p_.queries + t;
    std::copy_n(max, count, max_tile_);
    std::copy_n(max + p_.batch * p_.heads * p_.queries, count, inverse_tile_);
    std::fill(max_tile_ + count, max_tile_ + columns, C{0});
    std::fill(inverse_tile_ + count, inverse_tile_ + columns, C{0});

    PackRows(dout_ + first, stride, count, dim_, inverse_tile_, 1, columns,
             Panel<C>{do_.data(), width_});
    Transpose<C>(columns, width_, {do_.data(), width_}, {do_transposed_.data(), kStride});

    // Each row's partial sums, transposed, so that the final sums are taken for all rows at once.
    const size_t lanes = hn::Lanes(d);
    for (size_t r = 0; r < columns; ++r) {
      const int64_t at = first + static_cast<int64_t>(r) * stride;
      const auto dot = r < count ? DotLanes(dim_, dout_ + at, out_ + at) : hn::Zero(d);
      hn::StoreU(dot, d, weights_.data() + r * lanes);
    }
    Transpose<C>(columns, lanes, {weights_.data(), lanes}, {score_grads_.data(), kStride});
    for (size_t c = 0; c < columns; c += lanes) {
      auto sum = hn::Zero(d);
      for (size_t i = 0; i < lanes; ++i)
        sum = hn::Add(sum, hn::LoadU(d, score_grads_.data() + i * kStride + c));
      hn::Store(hn::Mul(sum, hn::LoadU(d, inverse_tile_ + c)), d, delta_ + c);
    }
  }

  // `columns` is `count`, padded to whole vectors.
  void AddTile(const HeadPart& part, size_t query, size_t count, size_t columns,
               const KeyTile& tile) {
    const size_t n = columns - tile.column;
    const Strided<C> k = keys_.Load(part.b, part.h, tile.key, tile.keys);
    const Strided<C> v = values_.Load(part.b, part.h, tile.key, tile.keys);
    const Panel<C> p{weights_.data(), kStride};
    const Panel<C> ds{score_grads_.data(), kStride};
    SmallGemm<C>(tile.keys, n, dim_, k, {q_transposed_.data() + tile.column, kStride}, p);
    SmallGemm<C>(tile.keys, n, dim_, v, {do_transposed_.data() + tile.column, kStride}, ds);
    if (p_.causal) MaskDiagonal(tile.keys, n, tile.key, query + tile.column, p);
    ScoreGradients(tile.keys, n, max_tile_ + tile.column, delta_ + tile.column, p, ds);
    if (columns > count) ClearColumns(tile.keys, count - tile.column, n, p, ds);
    const Update<C> add{Update<C>::kAdd};
    if (part.dkv) {
      const size_t at = (tile.key - part.first_key) * width_;
      const size_t row = tile.column * width_;
      SmallGemm<C>(tile.keys, width_, n, {p.data, p.stride, 1}, {do_.data() + row, width_},
                   {dv_.data() + at, width_}, add);
      SmallGemm<C>(tile.keys, width_, n, {ds.data, ds.stride, 1}, {q_.data() + row, width_},
                   {dk_.data() + at, width_}, add);
    }
    if (part.dq) {
      SmallGemm<C>(dim_, n, tile.keys, Transposed(k), {ds.data, ds.stride},
                   {dq_transposed_.data() + tile.column, kStride}, add);
    }
  }

  void Write(const AttentionRows& grad, const HeadPart& part, size_t t, size_t count,
             const Buffer<C>& from, C factor) {
    if (!grad.tensor.defined()) return;
    T* to = grad.tensor.data<T>() + grad.Start(part.b, static_cast<int64_t>(t), part.h, p_.dim);
    WriteRows<T, C>({from.data(), width_}, count, dim_, factor, grad.accumulate, to, grad.stride);
  }

  const AttentionProblem& p_;
  const AttentionInputs& in_;
  const AttentionInputs& grads_;
  const T* out_;
  const T* dout_;
  const C* kept_;
  size_t dim_, width_;
  Buffer<C> q_, q_transposed_;       // (queries, width), (width, queries)
  Buffer<C> do_, do_transposed_;     // the same
  Buffer<C> weights_, score_grads_;  // (keys, queries)
  Buffer<C> dq_transposed_;          // (width, queries)
  Buffer<C> dk_, dv_;                // (keys of the part, width)
  RowReader<T> keys_, values_;
  HWY_ALIGN C max_tile_[kTileQueries];
  HWY_ALIGN C inverse_tile_[kTileQueries];
  HWY_ALIGN C delta_[kTileQueries];
};

/// Part i of n of `count` steps, in whole blocks of `block`: [first, last).
std::pair<size_t, size_t> Share(size_t count, size_t block, int64_t i, int64_t n) {
  const size_t blocks = (count + block - 1) / block;
  const auto at = [&](int64_t j) {
    return std::min(count, blocks * static_cast<size_t>(j) / static_cast<size_t>(n) * block);
  };
  return {at(i), at(i + 1)};
}

void AttentionBackward(const AttentionProblem& p, const AttentionInputs& inputs, const View& out,
                       const View& softmax, const View& dout, const AttentionInputs& grads) {
  const int64_t heads = p.batch * p.heads;
  if (heads * p.dim == 0) return;
  const size_t queries = static_cast<size_t>(p.queries);
  const size_t keys = static_cast<size_t>(p.keys);
  const bool dq = grads.q.tensor.defined();
  const bool dkv = grads.k.tensor.defined() || grads.v.tensor.defined();
  const int64_t head_work = std::max<int64_t>(p.queries * p.keys, 1) * p.dim;
  const int64_t threads = CpuTeam(out.device().index).size();
  // Enough heads for all threads: the gradients are taken together. Otherwise each head is cut by
  // queries for dq, then by keys for dk and dv. Sums are over the same tiles in the same order.
  const int64_t parts = heads >= threads ? 1 : (threads + heads - 1) / heads;
  const size_t max_keys = (keys / kTileKeys / static_cast<size_t>(parts) + 2) * kTileKeys;
  DispatchFloating(out.dtype(), "Attention", [&]<typename T>(T) {
    const auto for_each_part = [&](bool with_dq, bool with_dkv) {
      ParallelFor(out.device(), heads * parts, kAttentionGrain * parts / head_work + 1,
                  [&](int64_t begin, int64_t end) {
                    BackwardWorker<T> worker(p, inputs, out, softmax, dout, grads, max_keys);
                    for (int64_t i = begin; i < end; ++i) {
                      const int64_t head = i / parts, n = i % parts;
                      const auto [first_query, last_query] =
                          Share(queries, kTileQueries, with_dkv ? 0 : n, with_dkv ? 1 : parts);
                      const auto [first_key, last_key] =
                          Share(keys, kTileKeys, with_dkv ? n : 0, with_dkv ? parts : 1);
                      worker.Run({head / p.heads, head % p.heads, first_query, last_query,
                                  first_key, last_key, with_dq, with_dkv});
                    }
                  });
    };
    if (parts == 1) return for_each_part(dq, dkv);
    if (dq) for_each_part(true, false);
    if (dkv) for_each_part(false, true);
  });
}

}  // namespace convoy::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "ops/cpu/dispatch.h"

namespace convoy {

CONVOY_CPU_KERNEL(attention_backward, AttentionBackward);

}  // namespace convoy
#endif  // HWY_ONCE
