// CUDA kernels of CrossEntropy: forward reads the logits once, backward reads each and writes its
// gradient in the same place of the target, which may be the logits' memory.
#include <limits>

#include "core/cuda/stream.h"
#include "core/workspace.h"
#include "ops/cuda/log_sum_exp.h"
#include "ops/loss_kernels.h"

namespace convoy {
namespace {

using cuda::kWarp;

constexpr int kSumThreads = 1024;

// Labels, and which of them do not count.
struct Labels {
  const int32_t* values;
  bool has_ignore;
  int32_t ignore;

  Labels(const View& labels, std::optional<int32_t> ignore_index)
      : values(labels.data<int32_t>()),
        has_ignore(ignore_index.has_value()),
        ignore(ignore_index.value_or(0)) {}

  __device__ bool Ignored(int32_t label) const { return has_ignore && label == ignore; }
};

// Each row's maximum, the inverse of its sum of exponentials, and its loss.
template <typename T, bool kWarpRow>
__global__ void RowLosses(const T* logits, Labels labels, int64_t rows, int64_t n, int team_warps,
                          ComputeType<T>* softmax, double* losses) {
  using C = ComputeType<T>;
  const cuda::RowTeam<kWarpRow> team(team_warps);
  __shared__ C shared[2 * kWarp];
  const int64_t row = int64_t{blockIdx.x} * team.count + team.id;
  if (row >= rows) return;
  const int32_t label = labels.values[row];
  if (labels.Ignored(label)) {
    if (team.index == 0) losses[row] = 0;
    return;
  }
  const T* const x = logits + row * n;
  cuda::MaxAndSum<T> total;
  cuda::ForElements<T>(team, cuda::Head(n, x), n, [&]<int N>(cuda::Width<N>, int64_t i) {
    total.Add(cuda::LoadPack<N>(x + i));
  });
  total.Combine(team, shared);
  if (team.index != 0) return;
  softmax[2 * row] = total.max;
  softmax[2 * row + 1] = 1 / total.sum;
  losses[row] = label >= 0 && label < n
                    ? (double{total.max} - static_cast<double>(cuda::Widen(x[label]))) +
                          static_cast<double>(std::log(total.sum))
                    : std::numeric_limits<double>::quiet_NaN();
}

// The mean of the rows that count; one block.
template <typename C>
__global__ void __launch_bounds__(kSumThreads)
    MeanLoss(const double* losses, Labels labels, int64_t rows, C* loss, C* weight) {
  __shared__ double shared[kWarp + 1];
  double sum = 0, count = 0;
  for (int64_t row = threadIdx.x; row < rows; row += kSumThreads) {
    sum += losses[row];
    count += !labels.Ignored(labels.values[row]);
  }
  sum = cuda::BlockSum(sum, shared);
  count = cuda::BlockSum(count, shared);
  if (threadIdx.x != 0) return;
  const double scale = count > 0 ? 1 / count : 0;
  *loss = static_cast<C>(count > 0 ? sum * scale : 0);
  *weight = static_cast<C>(scale);
}

// dlogits may be logits: an element is read before it is written, and by the same thread.
template <typename T, bool kWarpRow>
__global__ void LogitsGradient(const ComputeType<T>* dloss, const T* logits, Labels labels,
                               int64_t rows, int64_t n, int team_warps,
                               const ComputeType<T>* softmax, const ComputeType<T>* weight,
                               T* dlogits, bool accumulate) {
  using C = ComputeType<T>;
  const cuda::RowTeam<kWarpRow> team(team_warps);
  const int64_t row = int64_t{blockIdx.x} * team.count + team.id;
  if (row >= rows) return;
  const T* const x = logits + row * n;
  T* const dx = dlogits + row * n;
  const int64_t head = cuda::Head(n, x, dx);
  const int32_t label = labels.values[row];
  if (labels.Ignored(label)) {
    if (accumulate) return;
    cuda::ForElements<T>(team, head, n, [&]<int N>(cuda::Width<N>, int64_t i) {
      cuda::StorePack(dx + i, cuda::Pack<T, N>{});
    });
    return;
  }
  const C max = softmax[2 * row], inverse = softmax[2 * row + 1];
  const C scale = label >= 0 && label < n ? *dloss * *weight : std::numeric_limits<C>::quiet_NaN();
  cuda::ForElements<T>(team, head, n, [&]<int N>(cuda::Width<N>, int64_t i) {
    cuda::Pack<T, N> pack = cuda::LoadPack<N>(x + i);
    cuda::Pack<T, N> old = {};
    if (accumulate) old = cuda::LoadPack<N>(dx + i);
    for (int j = 0; j < N; ++j) {
      const C probability = cuda::Exp<T>(cuda::Widen(pack[j]) - max) * inverse;
      const C gradient = (i + j == label ? probability - 1 : probability) * scale;
      pack[j] = cuda::Round<T>(accumulate ? cuda::Widen(old[j]) + gradient : gradient);
    }
    cuda::StorePack(dx + i, pack);
  });
}

void CrossEntropyForward(const View& logits, const View& labels, std::optional<int32_t> ignore,
                         const View& loss, const View& softmax, const View& weight) {
  const cudaStream_t stream = cuda::Use(logits.device());
  const int64_t rows = logits.dim(0), n = logits.dim(1);
  const Workspace losses = Workspace::Empty({rows}, {DType::kF64, logits.device()});
  const Labels wanted(labels, ignore);
  DispatchFloating(logits.dtype(), "CrossEntropy", [&]<typename T>(T) {
    using C = ComputeType<T>;
    const cuda::RowLaunch launch(rows, n);
    cuda::Launch(launch.warp_row ? RowLosses<T, true> : RowLosses<T, false>, launch.blocks,
                 launch.threads, 0, stream, logits.data<T>(), wanted, rows, n, launch.team_warps,
                 softmax.data<C>(), losses.data<double>());
    cuda::Launch(MeanLoss<C>, 1, kSumThreads, 0, stream, losses.data<double>(), wanted, rows,
                 loss.data<C>(), weight.data<C>());
  });
}

void CrossEntropyBackward(const View& dloss, const View& logits, const View& labels,
                          std::optional<int32_t> ignore, const View& softmax, const View& weight,
                          const GradTarget& dlogits) {
  const cudaStream_t stream = cuda::Use(logits.device());
  const int64_t rows = logits.dim(0), n = logits.dim(1);
  DispatchFloating(logits.dtype(), "CrossEntropy", [&]<typename T>(T) {
    using C = ComputeType<T>;
    const cuda::RowLaunch launch(rows, n);
    cuda::Launch(launch.warp_row ? LogitsGradient<T, true> : LogitsGradient<T, false>,
                 launch.blocks, launch.threads, 0, stream, dloss.data<C>(), logits.data<T>(),
                 Labels(labels, ignore), rows, n, launch.team_warps, softmax.data<C>(),
                 weight.data<C>(), dlogits.tensor.data<T>(), dlogits.accumulate);
  });
}

CONVOY_REGISTER_KERNEL(cross_entropy_forward, kCuda, CrossEntropyForward);
CONVOY_REGISTER_KERNEL(cross_entropy_backward, kCuda, CrossEntropyBackward);

}  // namespace
}  // namespace convoy
