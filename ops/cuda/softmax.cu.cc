// CUDA kernels of Softmax and LogSoftmax: two passes over each row, by a warp or a block.
#include "core/cuda/stream.h"
#include "ops/cuda/log_sum_exp.h"
#include "ops/softmax_kernels.h"

namespace convoy {
namespace {

using cuda::kWarp;

template <typename T, bool kLog, bool kWarpRow>
__global__ void SoftmaxForward(const T* from, T* to, int64_t rows, int64_t n, int team_warps) {
  using C = ComputeType<T>;
  const cuda::RowTeam<kWarpRow> team(team_warps);
  __shared__ C shared[2 * kWarp];
  const int64_t row = int64_t{blockIdx.x} * team.count + team.id;
  if (row >= rows) return;
  const T* const x = from + row * n;
  T* const y = to + row * n;
  const int64_t head = cuda::Head(n, x, y);
  cuda::MaxAndSum<T> total;
  cuda::ForElements<T>(team, head, n, [&]<int N>(cuda::Width<N>, int64_t i) {
    total.Add(cuda::LoadPack<N>(x + i));
  });
  total.Combine(team, shared);
  const C log_sum = kLog ? std::log(total.sum) : C{0}, scale = 1 / total.sum;
  cuda::ForElements<T>(team, head, n, [&]<int N>(cuda::Width<N>, int64_t i) {
    cuda::Pack<T, N> pack = cuda::LoadPack<N>(x + i);
    for (int j = 0; j < N; ++j) {
      const C shifted = cuda::Widen(pack[j]) - total.max;
      pack[j] = cuda::Round<T>(kLog ? shifted - log_sum : cuda::Exp<T>(shifted) * scale);
    }
    cuda::StorePack(y + i, pack);
  });
}

// dx may be dy: a row is summed before any of it is written.
template <typename T, bool kLog, bool kWarpRow>
__global__ void SoftmaxBackward(const T* gradient, const T* output, T* to, bool accumulate,
                                int64_t rows, int64_t n, int team_warps) {
  using C = ComputeType<T>;
  const cuda::RowTeam<kWarpRow> team(team_warps);
  __shared__ C shared[cuda::RowTeam<kWarpRow>::template kShared<1>];
  int turn = 0;
  const int64_t row = int64_t{blockIdx.x} * team.count + team.id;
  if (row >= rows) return;
  const T* const dy = gradient + row * n;
  const T* const y = output + row * n;
  T* const dx = to + row * n;
  const int64_t head = cuda::Head(n, dy, y, dx);
  C sum[1] = {0};
  cuda::ForElements<T>(team, head, n, [&]<int N>(cuda::Width<N>, int64_t i) {
    const auto dy_pack = cuda::LoadPack<N>(dy + i);
    cuda::Pack<T, N> y_pack = {};
    if constexpr (!kLog) y_pack = cuda::LoadPack<N>(y + i);
    for (int j = 0; j < N; ++j) {
      const C g = cuda::Widen(dy_pack[j]);
      sum[0] += kLog ? g : g * cuda::Widen(y_pack[j]);
    }
  });
  team.Sum(sum, shared, turn);
  cuda::ForElements<T>(team, head, n, [&]<int N>(cuda::Width<N>, int64_t i) {
    const auto dy_pack = cuda::LoadPack<N>(dy + i);
    const auto y_pack = cuda::LoadPack<N>(y + i);
    cuda::Pack<T, N> pack = {};
    if (accumulate) pack = cuda::LoadPack<N>(dx + i);
    for (int j = 0; j < N; ++j) {
      const C g = cuda::Widen(dy_pack[j]), p = cuda::Widen(y_pack[j]);
      const C value = kLog ? g - cuda::Exp<T>(p) * sum[0] : p * (g - sum[0]);
      pack[j] = cuda::Round<T>(accumulate ? cuda::Widen(pack[j]) + value : value);
    }
    cuda::StorePack(dx + i, pack);
  });
}

template <bool kLog>
void Forward(const View& x, const View& y) {
  const cudaStream_t stream = cuda::Use(x.device());
  if (x.numel() == 0) return;
  const int64_t n = x.dim(-1), rows = x.numel() / n;
  DispatchFloating(x.dtype(), kLog ? "LogSoftmax" : "Softmax", [&]<typename T>(T) {
    const cuda::RowLaunch launch(rows, n);
    cuda::Launch(launch.warp_row ? SoftmaxForward<T, kLog, true> : SoftmaxForward<T, kLog, false>,
                 launch.blocks, launch.threads, 0, stream, x.data<T>(), y.data<T>(), rows, n,
                 launch.team_warps);
  });
}

template <bool kLog>
void Backward(const View& dy, const View& y, const GradTarget& dx) {
  const cudaStream_t stream = cuda::Use(y.device());
  if (y.numel() == 0) return;
  const int64_t n = y.dim(-1), rows = y.numel() / n;
  DispatchFloating(y.dtype(), kLog ? "LogSoftmax" : "Softmax", [&]<typename T>(T) {
    const cuda::RowLaunch launch(rows, n);
    cuda::Launch(launch.warp_row ? SoftmaxBackward<T, kLog, true> : SoftmaxBackward<T, kLog, false>,
                 launch.blocks, launch.threads, 0, stream, dy.data<T>(), y.data<T>(),
                 dx.tensor.data<T>(), dx.accumulate, rows, n, launch.team_warps);
  });
}

CONVOY_REGISTER_KERNEL(softmax_forward, kCuda, Forward<false>);
CONVOY_REGISTER_KERNEL(softmax_backward, kCuda, Backward<false>);
CONVOY_REGISTER_KERNEL(log_softmax_forward, kCuda, Forward<true>);
CONVOY_REGISTER_KERNEL(log_softmax_backward, kCuda, Backward<true>);

}  // namespace
}  // namespace convoy
