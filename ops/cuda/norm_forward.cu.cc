// CUDA kernels of LayerNorm, AddLayerNorm and RmsNorm, forward: a row lies in the registers of the
// warps that share it, so that it is read once.
#include <limits>
#include <type_traits>

#include "core/cuda/stream.h"
#include "ops/cuda/rows.h"
#include "ops/norm_kernels.h"

namespace convoy {
namespace {

using cuda::kWarp;

constexpr int kThreads = 256;  // of a block, unless one row takes more
constexpr int kMaxThreads = 512;

// Accesses of a row that a thread keeps in registers.
template <typename T, int kPack>
constexpr int kHold = kPack == 1 ? 8 : (sizeof(T) == 8 ? 16 : 32) / kPack;

// What values are multiplied by where their squares overflow: a power of two, so that nothing is
// rounded, and so small that the sum of any row's squares is finite.
template <typename C>
constexpr C kShrink = std::is_same_v<C, double> ? C(0x1p-768) : C(0x1p-96);

template <typename T>
struct ForwardArgs {
  const T *x, *residual, *weight, *bias;  // residual and bias may be null
  T *sum, *y;                             // sum: x + residual
  ComputeType<T>*mean, *rstd;
  int64_t rows, n;
  double eps;
  int team_warps = 1;
};

template <typename T, int kPack, bool kWarpRow, bool kCentre>
__global__ void __launch_bounds__(kWarpRow ? kThreads : kMaxThreads)
    NormForward(const ForwardArgs<T> a) {
  using C = ComputeType<T>;
  constexpr int kHeld = kHold<T, kPack>;
  const cuda::RowTeam<kWarpRow> team(a.team_warps);
  __shared__ C shared[cuda::RowTeam<kWarpRow>::template kShared<1>];
  int turn = 0;
  const int64_t row = int64_t{blockIdx.x} * team.count + team.id, at = row * a.n;
  const bool active = row < a.rows;
  const int64_t packs = active ? a.n / kPack : 0;
  cuda::Pack<T, kPack> held[kHeld] = {};
  const T* in = (a.residual != nullptr ? a.sum : a.x) + at;
  const auto get = [&](int k, auto p) {
    return k < kHeld ? held[k] : cuda::LoadPack<kPack>(in + p * kPack);
  };

  C sum[1] = {0};
  cuda::ForPacks<kHeld>(team, packs, [&](int k, auto p) {
    auto pack = cuda::LoadPack<kPack>(a.x + at + p * kPack);
    if (a.residual != nullptr) {
      const auto other = cuda::LoadPack<kPack>(a.residual + at + p * kPack);
      for (int j = 0; j < kPack; ++j) {
        pack[j] = cuda::Round<T>(cuda::Widen(pack[j]) + cuda::Widen(other[j]));
      }
      cuda::StorePack(a.sum + at + p * kPack, pack);
    }
    if (k < kHeld) held[k] = pack;
    for (int j = 0; j < kPack; ++j) sum[0] += cuda::Widen(pack[j]);
  });
  if constexpr (kCentre) team.Sum(sum, shared, turn);
  C mean = kCentre ? sum[0] / static_cast<C>(a.n) : C{0}, unit = 1;

  C squares[1] = {0};
  const auto sum_squares = [&] {
    squares[0] = 0;
    cuda::ForPacks<kHeld>(team, packs, [&](int k, auto p) {
      const auto pack = get(k, p);
      for (int j = 0; j < kPack; ++j) {
        const C centred = cuda::Widen(pack[j]) * unit - mean;
        squares[0] += centred * centred;
      }
    });
    team.Sum(squares, shared, turn);
  };
  sum_squares();
  const bool overflows = !(squares[0] <= std::numeric_limits<C>::max());
  if (kWarpRow ? overflows : __syncthreads_or(overflows) != 0) {  // every team sums once more
    if (overflows) unit = kShrink<C>;
    if constexpr (kCentre) {
      sum[0] = 0;
      cuda::ForPacks<kHeld>(team, packs, [&](int k, auto p) {
        const auto pack = get(k, p);
        for (int j = 0; j < kPack; ++j) sum[0] += cuda::Widen(pack[j]) * unit;
      });
      team.Sum(sum, shared, turn);
      mean = sum[0] / static_cast<C>(a.n);
    }
    sum_squares();
  }
  const C eps = static_cast<C>(a.eps) * unit * unit;
  const C rstd = 1 / std::sqrt(squares[0] / static_cast<C>(a.n) + eps);
  if (active && team.index == 0) {
    if constexpr (kCentre) a.mean[row] = mean / unit;
    a.rstd[row] = rstd * unit;
  }

  cuda::ForPacks<kHeld>(team, packs, [&](int k, auto p) {
    auto pack = get(k, p);
    const auto weight = cuda::LoadPack<kPack>(a.weight + p * kPack);
    cuda::Pack<T, kPack> bias = {};
    if (a.bias != nullptr) bias = cuda::LoadPack<kPack>(a.bias + p * kPack);
    for (int j = 0; j < kPack; ++j) {
      C y = (cuda::Widen(pack[j]) * unit - mean) * rstd * cuda::Widen(weight[j]);
      if (a.bias != nullptr) y += cuda::Widen(bias[j]);
      pack[j] = cuda::Round<T>(y);
    }
    cuda::StorePack(a.y + at + p * kPack, pack);
  });
}

template <bool kCentre>
void Forward(const char* op, const View& x, const View& residual, const View& weight,
             const View& bias, double eps, const View& sum, const View& y, const View& mean,
             const View& rstd) {
  const cudaStream_t stream = cuda::Use(x.device());
  if (x.numel() == 0) return;
  DispatchFloating(x.dtype(), op, [&]<typename T>(T) {
    const auto data = [](const View& t) { return t.defined() ? t.data<T>() : nullptr; };
    using C = ComputeType<T>;
    ForwardArgs<T> args{.x = data(x),
                        .residual = data(residual),
                        .weight = data(weight),
                        .bias = data(bias),
                        .sum = data(sum),
                        .y = data(y),
                        .mean = kCentre ? mean.data<C>() : nullptr,
                        .rstd = rstd.data<C>(),
                        .rows = rstd.numel(),
                        .n = x.dim(-1),
                        .eps = eps};
    cuda::DispatchPack<T>(
        args.n, {args.x, args.residual, args.weight, args.bias, args.sum, args.y},
        [&]<int kPack>(cuda::Width<kPack>) {
          const cuda::RowTeams layout(args.n / kPack, kHold<T, kPack>, kThreads, kMaxThreads);
          args.team_warps = layout.team_warps;
          cuda::Launch(layout.team_warps == 1 ? NormForward<T, kPack, true, kCentre>
                                              : NormForward<T, kPack, false, kCentre>,
                       cuda::BlocksFor(args.rows, layout.teams), layout.threads, 0, stream, args);
        });
  });
}

void LayerNormForward(const View& x, const View& weight, const View& bias, double eps,
                      const View& y, const View& mean, const View& rstd) {
  Forward<true>("LayerNorm", x, {}, weight, bias, eps, {}, y, mean, rstd);
}

void AddLayerNormForward(const View& x, const View& residual, const View& weight, const View& bias,
                         double eps, const View& sum, const View& y, const View& mean,
                         const View& rstd) {
  Forward<true>("AddLayerNorm", x, residual, weight, bias, eps, sum, y, mean, rstd);
}

void RmsNormForward(const View& x, const View& weight, double eps, const View& y,
                    const View& rstd) {
  Forward<false>("RmsNorm", x, {}, weight, {}, eps, {}, y, {}, rstd);
}

CONVOY_REGISTER_KERNEL(layer_norm_forward, kCuda, LayerNormForward);
CONVOY_REGISTER_KERNEL(add_layer_norm_forward, kCuda, AddLayerNormForward);
CONVOY_REGISTER_KERNEL(rms_norm_forward, kCuda, RmsNormForward);

}  // namespace
}  // namespace convoy
