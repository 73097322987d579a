// A model on any GPU that is trained exactly: every number is a multiple of a power of two.
#include "tests/parallel/transport/nccl/toy_kernels.h"

#include "core/autograd.h"
#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"

namespace convoy {
namespace {

constexpr int kThreads = 64;

template <typename T>
__global__ void GradientKernel(const T* weight, const float* seed, int64_t begin, int64_t end,
                               int64_t step, int64_t n, T* gradient, bool accumulate) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= n) return;
  float sum = 0;
  for (int64_t s = begin; s < end; ++s) {
    const int64_t mixed = (i * 7 + s * 13 + step * 29) % 33 - 16;
    sum += static_cast<float>(weight[i]) - static_cast<float>(mixed) * 0.125f;
  }
  float result = *seed * sum / static_cast<float>(end - begin);
  if (accumulate) result += static_cast<float>(gradient[i]);
  gradient[i] = static_cast<T>(result);
}

template <typename T>
__global__ void UpdateKernel(T* values, const T* gradients, int64_t n) {
  const int64_t i = int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (i >= n) return;
  values[i] =
      static_cast<T>(static_cast<float>(values[i]) - static_cast<float>(gradients[i]) * 0.25f);
}

}  // namespace

Tensor ToyTerm(const Tensor& sum, const Tensor& weight, int64_t begin, int64_t end, int step) {
  return Record("ToyTerm", sum.Clone(), {sum, weight}, [=](BackwardPass& pass) {
    if (pass.Needs(1)) {
      const GradTarget to = pass.Target(1);
      const cudaStream_t stream = cuda::Use(weight.device());
      const int64_t n = weight.numel();
      DispatchFloating(weight.dtype(), "ToyTerm", [&]<typename T>(T) {
        cuda::Launch(GradientKernel<T>, cuda::BlocksFor(n, kThreads), kThreads, 0, stream,
                     weight.data<T>(), pass.grad().data<float>(), begin, end, int64_t{step}, n,
                     to.tensor.data<T>(), to.accumulate);
      });
    }
    if (pass.Needs(0)) pass.Pass(0, pass.grad());
  });
}

void ToyUpdate(const Tensor& values, const Tensor& gradients) {
  const cudaStream_t stream = cuda::Use(values.device());
  const int64_t n = values.numel();
  DispatchFloating(values.dtype(), "ToyUpdate", [&]<typename T>(T) {
    cuda::Launch(UpdateKernel<T>, cuda::BlocksFor(n, kThreads), kThreads, 0, stream,
                 values.data<T>(), gradients.data<T>(), n);
  });
}

}  // namespace convoy
