// CUDA kernels of LayerNorm and RmsNorm, backward: a block walks many rows, each of which lies in
// the registers of the warps that share it; so do the sums for weight and bias.
#include <algorithm>
#include <bit>

#include "core/cuda/stream.h"
#include "core/workspace.h"
#include "ops/cuda/rows.h"
#include "ops/norm_kernels.h"

namespace convoy {
namespace {

using cuda::kWarp;

constexpr int kThreads = 256;  // of a block, unless one row takes more
constexpr int kMaxThreads = 512;
// Blocks, in all and if they are large ones: what the largest GPUs hold at a time. A constant, so
// that sums have the same order everywhere.
constexpr int64_t kBlocks = 264, kLargeBlocks = 132;

// Accesses of a row that a thread keeps in registers, beside as many sums.
template <typename T, int kPack>
constexpr int kHold = kPack == 1 ? 8
                                 : (sizeof(T) == 8   ? 8
                                    : sizeof(T) == 4 ? 16
                                                     : 24) /
                                       kPack;

// A pack as it lies in registers: the compiler would otherwise give every bf16 one of its own.
template <typename P>
using Held = std::conditional_t<sizeof(P) == 16, cuda::Pack<uint32_t, 4>, P>;

template <typename T>
struct BackwardArgs {
  const T *dy, *x, *weight;
  const ComputeType<T>*mean, *rstd;
  T* dx;  // may be null, or dy
  bool accumulate;
  ComputeType<T>*dweight, *dbias;  // (blocks, n)
  int64_t rows, n;
  int team_warps;
};

// Adds what a thread has summed of weight and bias gradients to the block's sums, for its packs in
// registers.
template <int kPack, int kHeld, typename Team, typename C>
__device__ __forceinline__ void AddToSums(const Team& team, int64_t packs, bool add,
                                          const C (&sums)[kHeld][kPack], C* to) {
  CONVOY_UNROLL
  for (int k = 0; k < kHeld; ++k) {
    const int64_t p = team.index + int64_t{k} * team.size;
    if (p >= packs) continue;
    for (int j = 0; j < kPack; ++j) {
      C& element = to[p * kPack + j];
      element = add ? element + sums[k][j] : sums[k][j];
    }
  }
}

template <typename T, int kPack, bool kWarpRow, bool kCentre>
__global__ void __launch_bounds__(kWarpRow ? kThreads : kMaxThreads, kWarpRow ? 2 : 1)
    NormBackward(const BackwardArgs<T> a) {
  using C = ComputeType<T>;
  using P = cuda::Pack<T, kPack>;
  constexpr int kHeld = kHold<T, kPack>;
  const cuda::RowTeam<kWarpRow> team(a.team_warps);
  __shared__ C shared[cuda::RowTeam<kWarpRow>::template kShared<2>];
  int turn = 0;
  const int64_t row_packs = a.n / kPack;
  C* const dweight = a.dweight + blockIdx.x * a.n;
  C* const dbias = kCentre ? a.dbias + blockIdx.x * a.n : nullptr;
  // Beyond the registers a thread, of the only team then, sums in its part of the results.
  for (int64_t p = team.index + int64_t{kHeld} * team.size; p < row_packs; p += team.size) {
    for (int j = 0; j < kPack; ++j) {
      dweight[p * kPack + j] = 0;
      if constexpr (kCentre) dbias[p * kPack + j] = 0;
    }
  }
  C dw[kHeld][kPack] = {}, db[kHeld][kPack] = {};

  for (int64_t first = int64_t{blockIdx.x} * team.count; first < a.rows;
       first += int64_t{gridDim.x} * team.count) {
    const int64_t row = first + team.id, at = row * a.n;
    const bool active = row < a.rows;
    const int64_t packs = active ? row_packs : 0;
    const C mean = kCentre && active ? a.mean[row] : C{0}, rstd = active ? a.rstd[row] : C{0};
    Held<P> held_dy[kHeld] = {}, held_x[kHeld] = {};
    C sums[2] = {0, 0};  // of dy * weight * xhat, of dy * weight
    cuda::ForPacks<kHeld>(team, packs, [&](int k, auto p) {
      const P dy = cuda::LoadPack<kPack>(a.dy + at + p * kPack);
      const P x = cuda::LoadPack<kPack>(a.x + at + p * kPack);
      if (k < kHeld) held_dy[k] = std::bit_cast<Held<P>>(dy), held_x[k] = std::bit_cast<Held<P>>(x);
      const P weight = cuda::LoadPack<kPack>(a.weight + p * kPack);
      for (int j = 0; j < kPack; ++j) {
        const C g = cuda::Widen(dy[j]);
        const C xhat = (cuda::Widen(x[j]) - mean) * rstd;
        const C gw = g * cuda::Widen(weight[j]);
        sums[0] += gw * xhat;
        sums[1] += gw;
        C& to_weight = k < kHeld ? dw[k][j] : dweight[p * kPack + j];
        to_weight += g * xhat;
        if constexpr (kCentre) {
          C& to_bias = k < kHeld ? db[k][j] : dbias[p * kPack + j];
          to_bias += g;
        }
      }
    });
    if (a.dx == nullptr) continue;
    const C scale = 1 / static_cast<C>(a.n);
    team.Sum(sums, shared, turn);
    const C dot = sums[0] * scale, offset = kCentre ? sums[1] * scale : C{0};
    cuda::ForPacks<kHeld>(team, packs, [&](int k, auto p) {
      const P dy =
          k < kHeld ? std::bit_cast<P>(held_dy[k]) : cuda::LoadPack<kPack>(a.dy + at + p * kPack);
      const P x =
          k < kHeld ? std::bit_cast<P>(held_x[k]) : cuda::LoadPack<kPack>(a.x + at + p * kPack);
      const P weight = cuda::LoadPack<kPack>(a.weight + p * kPack);
      P dx = {};
      if (a.accumulate) dx = cuda::LoadPack<kPack>(a.dx + at + p * kPack);
      for (int j = 0; j < kPack; ++j) {
        const C gw = cuda::Widen(dy[j]) * cuda::Widen(weight[j]);
        const C xhat = (cuda::Widen(x[j]) - mean) * rstd;
        C value = (gw - (xhat * dot + offset)) * rstd;  // the square of rstd may underflow
        if (a.accumulate) value += cuda::Widen(dx[j]);
        dx[j] = cuda::Round<T>(value);
      }
      cuda::StorePack(a.dx + at + p * kPack, dx);
    });
  }

  if (team.count == 1) {
    AddToSums<kPack, kHeld>(team, row_packs, false, dw, dweight);
    if constexpr (kCentre) AddToSums<kPack, kHeld>(team, row_packs, false, db, dbias);
    return;
  }
  C* const sums = cuda::DynamicShared<C>();  // one team after the other adds to them
  for (int id = 0; id < team.count; ++id) {
    if (id == team.id) {
      AddToSums<kPack, kHeld>(team, row_packs, id > 0, dw, sums);
      if constexpr (kCentre) AddToSums<kPack, kHeld>(team, row_packs, id > 0, db, sums + a.n);
    }
    __syncthreads();
  }
  for (int64_t i = threadIdx.x; i < a.n; i += blockDim.x) {
    dweight[i] = sums[i];
    if constexpr (kCentre) dbias[i] = sums[a.n + i];
  }
}

template <bool kCentre>
void Backward(const char* op, const View& dy, const View& x, const View& weight, const View& mean,
              const View& rstd, const GradTarget& dx, Workspace& dweight_parts,
              Workspace& dbias_parts) {
  const cudaStream_t stream = cuda::Use(x.device());
  const int64_t rows = rstd.numel(), n = x.dim(-1);
  DispatchFloating(x.dtype(), op, [&]<typename T>(T) {
    using C = ComputeType<T>;
    T* const to = dx.tensor.defined() ? dx.tensor.data<T>() : nullptr;
    const auto make = [&]<int kPack>(cuda::Width<kPack>) {
      const cuda::RowTeams layout(n / kPack, kHold<T, kPack>, kThreads, kMaxThreads);
      const int64_t blocks = std::min((rows + layout.teams - 1) / layout.teams,
                                      layout.threads > kThreads ? kLargeBlocks : kBlocks);
      dweight_parts = Workspace::Empty({blocks, n}, rstd.options());
      if (kCentre) dbias_parts = Workspace::Empty({blocks, n}, rstd.options());
      if (x.numel() == 0) return;
      const size_t shared = layout.teams > 1 ? 2 * static_cast<size_t>(n) * sizeof(C) : 0;
      cuda::Launch(layout.team_warps == 1 ? NormBackward<T, kPack, true, kCentre>
                                          : NormBackward<T, kPack, false, kCentre>,
                   static_cast<unsigned>(blocks), layout.threads, shared, stream,
                   BackwardArgs<T>{.dy = dy.data<T>(),
                                   .x = x.data<T>(),
                                   .weight = weight.data<T>(),
                                   .mean = kCentre ? mean.data<C>() : nullptr,
                                   .rstd = rstd.data<C>(),
                                   .dx = to,
                                   .accumulate = dx.accumulate,
                                   .dweight = dweight_parts.data<C>(),
                                   .dbias = kCentre ? dbias_parts.data<C>() : nullptr,
                                   .rows = rows,
                                   .n = n,
                                   .team_warps = layout.team_warps});
    };
    cuda::DispatchPack<T>(n, {dy.raw_data(), x.raw_data(), weight.raw_data(), to}, make);
  });
}

void LayerNormBackward(const View& dy, const View& x, const View& weight, const View& mean,
                       const View& rstd, const GradTarget& dx, Workspace& dweight_parts,
                       Workspace& dbias_parts) {
  Backward<true>("LayerNorm", dy, x, weight, mean, rstd, dx, dweight_parts, dbias_parts);
}

void RmsNormBackward(const View& dy, const View& x, const View& weight, const View& rstd,
                     const GradTarget& dx, Workspace& dweight_parts) {
  Workspace no_bias;
  Backward<false>("RmsNorm", dy, x, weight, {}, rstd, dx, dweight_parts, no_bias);
}

CONVOY_REGISTER_KERNEL(layer_norm_backward, kCuda, LayerNormBackward);
CONVOY_REGISTER_KERNEL(rms_norm_backward, kCuda, RmsNormBackward);

}  // namespace
}  // namespace convoy
