// cuDNN's fused attention on the simulated device: takes what the library takes, checks strides and
// pointers, and computes with plain loops.
#include "ops/cuda/cudnn_sdpa.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <set>
#include <stdexcept>
#include <vector>

#include "tests/sim/cudnn_sdpa.h"
#include "tests/sim/half.h"
#include "tests/sim/launch.h"

namespace convoy {
namespace sim {
namespace {

std::mutex mutex;
std::string missing;                  // guarded by mutex
std::set<cuda::SdpaProblem> planned;  // guarded by mutex
std::atomic<int64_t> forwards{0}, backwards{0};

// What a rule of the library's is broken by, or nothing.
std::string Check(const cuda::SdpaProblem& p) {
  if (p.batch < 1 || p.heads < 1 || p.queries < 1 || p.keys < 1) return "an empty tensor";
  if (p.dim % 8 != 0) return "the head dimension is no multiple of 8";
  if (p.dim > 128) return "the head dimension is above 128";
  const auto lies = [&](const cuda::SdpaStrides& strides, int64_t steps) {
    return strides.row >= p.heads * p.dim && strides.batch >= strides.row * steps &&
           strides.row % 8 == 0 && strides.batch % 8 == 0;
  };
  if (!lies(p.q, p.queries) || !lies(p.k, p.keys) || !lies(p.v, p.keys)) return "strides";
  if (p.backward && (!lies(p.dq, p.queries) || !lies(p.dk, p.keys) || !lies(p.dv, p.keys)))
    return "strides of a gradient";
  if (!p.backward && p.deterministic) return "a forward has no deterministic algorithm of its own";
  if (p.backward && p.stats) return "a backward writes no statistics";
  return {};
}

template <typename T>
float* Load(const void* from, const cuda::SdpaProblem& p, const cuda::SdpaStrides& strides,
            int64_t steps, int64_t b, int64_t h, std::vector<float>& to) {
  to.resize(static_cast<size_t>(steps * p.dim));
  const T* at = static_cast<const T*>(from) + b * strides.batch + h * p.dim;
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t d = 0; d < p.dim; ++d)
      to[static_cast<size_t>(t * p.dim + d)] = at[t * strides.row + d];
  }
  return to.data();
}

template <typename T>
void Store(const std::vector<float>& from, const cuda::SdpaProblem& p,
           const cuda::SdpaStrides& strides, int64_t steps, int64_t b, int64_t h, void* to) {
  T* at = static_cast<T*>(to) + b * strides.batch + h * p.dim;
  for (int64_t t = 0; t < steps; ++t) {
    for (int64_t d = 0; d < p.dim; ++d)
      at[t * strides.row + d] = static_cast<T>(from[static_cast<size_t>(t * p.dim + d)]);
  }
}

float Dot(const float* a, const float* b, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

template <typename T>
void Head(const cuda::SdpaProblem& p, const cuda::SdpaPointers& at, int64_t b, int64_t h) {
  std::vector<float> q, k, v, out, dout, weights(static_cast<size_t>(p.keys));
  Load<T>(at.q, p, p.q, p.queries, b, h, q);
  Load<T>(at.k, p, p.k, p.keys, b, h, k);
  Load<T>(at.v, p, p.v, p.keys, b, h, v);
  const cuda::SdpaStrides whole{p.queries * p.heads * p.dim, p.heads * p.dim};
  float* stats = static_cast<float*>(at.stats) + (b * p.heads + h) * p.queries;
  std::vector<float> dq, dk, dv;
  if (p.backward) {
    Load<T>(at.out, p, whole, p.queries, b, h, out);
    Load<T>(at.dout, p, whole, p.queries, b, h, dout);
    dq.assign(q.size(), 0), dk.assign(k.size(), 0), dv.assign(v.size(), 0);
  } else {
    out.assign(q.size(), 0);
  }
  for (int64_t i = 0; i < p.queries; ++i) {
    const int64_t seen = p.causal ? std::min(i + 1, p.keys) : p.keys;
    float* out_row = out.data() + i * p.dim;
    float max = -INFINITY, sum = 0;
    for (int64_t j = 0; j < seen; ++j) {
      weights[static_cast<size_t>(j)] =
          p.scale * Dot(q.data() + i * p.dim, k.data() + j * p.dim, p.dim);
      max = std::max(max, weights[static_cast<size_t>(j)]);
    }
    if (p.backward) {
      const float delta = Dot(out_row, dout.data() + i * p.dim, p.dim);
      for (int64_t j = 0; j < seen; ++j) {
        const float weight = std::exp(weights[static_cast<size_t>(j)] - stats[i]);
        const float gradient =
            p.scale * weight * (Dot(dout.data() + i * p.dim, v.data() + j * p.dim, p.dim) - delta);
        for (int64_t d = 0; d < p.dim; ++d) {
          const auto qd = static_cast<size_t>(i * p.dim + d),
                     kd = static_cast<size_t>(j * p.dim + d);
          dv[kd] += weight * dout[qd];
          dq[qd] += gradient * k[kd];
          dk[kd] += gradient * q[qd];
        }
      }
      continue;
    }
    for (int64_t j = 0; j < seen; ++j) {
      const float weight = std::exp(weights[static_cast<size_t>(j)] - max);
      sum += weight;
      for (int64_t d = 0; d < p.dim; ++d)
        out_row[d] += weight * v[static_cast<size_t>(j * p.dim + d)];
    }
    for (int64_t d = 0; d < p.dim; ++d) out_row[d] /= sum;
    if (p.stats) stats[i] = max + std::log(sum);
  }
  if (p.backward) {
    Store<T>(dq, p, p.dq, p.queries, b, h, at.dq);
    Store<T>(dk, p, p.dk, p.keys, b, h, at.dk);
    Store<T>(dv, p, p.dv, p.keys, b, h, at.dv);
  } else {
    Store<T>(out, p, whole, p.queries, b, h, at.out);
  }
}

}  // namespace

void SetCudnnMissing(const std::string& why) {
  const std::lock_guard lock(mutex);
  missing = why;
}
int64_t CudnnForwards() { return forwards; }
int64_t CudnnBackwards() { return backwards; }

}  // namespace sim

namespace cuda {

std::string SdpaDeclines(const SdpaProblem& problem) {
  const std::lock_guard lock(sim::mutex);
  if (!sim::missing.empty()) return sim::missing;
  int device = 0;
  cudaGetDevice(&device);
  if (device != problem.device) return "the current device is another";
  std::string broken = sim::Check(problem);
  if (broken.empty()) sim::planned.insert(problem);
  return broken;
}

size_t SdpaWorkspaceBytes(const SdpaProblem& problem) { return problem.backward ? 4096 : 0; }

void RunSdpa(const SdpaProblem& problem, const SdpaPointers& pointers, void* workspace,
             void* stream_handle) {
  const auto stream = static_cast<cudaStream_t>(stream_handle);
  const auto want = [](bool condition, const char* what) {
    if (!condition) throw std::runtime_error(std::string("[sim] cuDNN: ") + what);
  };
  {
    const std::lock_guard lock(sim::mutex);
    want(sim::planned.count(problem) == 1, "a problem without a plan");
  }
  want(sim::DeviceOf(stream) == problem.device, "a stream of another device");
  for (const void* at : {pointers.q, pointers.k, pointers.v, const_cast<const void*>(pointers.out)})
    want(at != nullptr && reinterpret_cast<uintptr_t>(at) % 16 == 0, "pointers");
  want(!(problem.stats || problem.backward) || pointers.stats != nullptr,
       "no place for statistics");
  want(!problem.backward || (pointers.dout != nullptr && pointers.dq != nullptr &&
                             pointers.dk != nullptr && pointers.dv != nullptr),
       "no place for a gradient");
  const size_t bytes = SdpaWorkspaceBytes(problem);
  ++(problem.backward ? sim::backwards : sim::forwards);
  const cudaError_t status = sim::Enqueue(stream, [=] {
    std::fill_n(static_cast<unsigned char*>(workspace), bytes, 0x5a);
    for (int64_t b = 0; b < problem.batch; ++b) {
      for (int64_t h = 0; h < problem.heads; ++h) {
        if (problem.bf16)
          sim::Head<sim::BFloat16>(problem, pointers, b, h);
        else
          sim::Head<_Float16>(problem, pointers, b, h);
      }
    }
  });
  want(status == cudaSuccess, cudaGetErrorString(status));
}

std::string SdpaGraphError(const SdpaProblem& problem) { return sim::Check(problem); }

}  // namespace cuda
}  // namespace convoy
