// Attention on a GPU: cuDNN's fused kernels where they take the problem, else our own. In bf16 and
// f16 both keep the log of the sum of exponentials to base e, so a forward of one may be followed
// by a backward of the other.
#include <initializer_list>

#include "core/cuda/stream.h"
#include "core/workspace.h"
#include "ops/attention_kernels.h"
#include "ops/attention_settings.h"
#include "ops/cuda/attention_tiled.h"
#include "ops/cuda/cudnn_sdpa.h"

namespace convoy {
namespace {

using cuda::SdpaProblem;

void* Start(const AttentionRows& rows) {
  return static_cast<char*>(rows.tensor.raw_data()) +
         rows.offset * static_cast<int64_t>(SizeOf(rows.tensor.dtype()));
}

cuda::SdpaStrides StridesOf(const AttentionRows& rows) {
  return {.batch = rows.steps * rows.stride, .row = rows.stride};
}

SdpaProblem Describe(const AttentionProblem& p, const AttentionInputs& inputs, const View& out) {
  return {.device = out.device().index,
          .bf16 = out.dtype() == DType::kBF16,
          .causal = p.causal,
          .deterministic = GetAttentionSettings().deterministic,
          .batch = p.batch,
          .heads = p.heads,
          .queries = p.queries,
          .keys = p.keys,
          .dim = p.dim,
          .scale = static_cast<float>(p.scale),
          .q = StridesOf(inputs.q),
          .k = StridesOf(inputs.k),
          .v = StridesOf(inputs.v)};
}

// Why cuDNN is not asked, or nothing.
std::string NotForCudnn(const AttentionProblem& p, const View& out,
                        std::initializer_list<const void*> pointers) {
  if (!GetAttentionSettings().cudnn) return "cuDNN is turned off";
  if (out.dtype() != DType::kBF16 && out.dtype() != DType::kF16)
    return "cuDNN's fused attention wants bf16 or f16";
  if (out.numel() == 0 || p.keys == 0) return "it is empty";
  for (const void* pointer : pointers) {
    if (reinterpret_cast<uintptr_t>(pointer) % 16 != 0)
      return "a tensor is not aligned to 16 bytes";
  }
  return {};
}

// Whether cuDNN takes it; notes who computes it.
bool Choose(std::string reason, const SdpaProblem& problem) {
  if (reason.empty()) reason = cuda::SdpaDeclines(problem);
  internal::SetAttentionEngine(reason.empty() ? "cuDNN" : "own kernels: " + reason);
  return reason.empty();
}

void Run(const SdpaProblem& problem, const cuda::SdpaPointers& pointers, Device device,
         cudaStream_t stream) {
  const size_t bytes = cuda::SdpaWorkspaceBytes(problem);
  const Workspace workspace = Workspace::Empty({static_cast<int64_t>(bytes)}, {DType::kU8, device});
  cuda::RunSdpa(problem, pointers, workspace.raw_data(), stream);
}

void Forward(const AttentionProblem& p, const AttentionInputs& inputs, const View& out,
             const View& softmax) {
  const cudaStream_t stream = cuda::Use(out.device());
  SdpaProblem problem = Describe(p, inputs, out);
  problem.deterministic = false;  // a forward always is
  problem.stats = softmax.defined();
  const cuda::SdpaPointers pointers{.q = Start(inputs.q),
                                    .k = Start(inputs.k),
                                    .v = Start(inputs.v),
                                    .out = out.raw_data(),
                                    .stats = softmax.defined() ? softmax.raw_data() : nullptr};
  if (Choose(NotForCudnn(p, out, {pointers.q, pointers.k, pointers.v, pointers.out}), problem))
    Run(problem, pointers, out.device(), stream);
  else
    cuda::TiledAttentionForward(p, inputs, out, softmax);
}

void Backward(const AttentionProblem& p, const AttentionInputs& inputs, const View& out,
              const View& softmax, const View& dout, const AttentionInputs& grads) {
  const cudaStream_t stream = cuda::Use(out.device());
  std::string reason;
  for (const AttentionRows* grad : {&grads.q, &grads.k, &grads.v}) {
    if (!grad->tensor.defined()) reason = "not all gradients are wanted";
    if (grad->accumulate) reason = "gradients are added to others";
  }
  SdpaProblem problem = Describe(p, inputs, out);
  cuda::SdpaPointers pointers;
  if (reason.empty()) {
    problem.backward = true;
    problem.dq = StridesOf(grads.q), problem.dk = StridesOf(grads.k);
    problem.dv = StridesOf(grads.v);
    pointers = {.q = Start(inputs.q),
                .k = Start(inputs.k),
                .v = Start(inputs.v),
                .out = out.raw_data(),
                .stats = softmax.raw_data(),
                .dout = dout.raw_data(),
                .dq = Start(grads.q),
                .dk = Start(grads.k),
                .dv = Start(grads.v)};
    reason = NotForCudnn(p, out,
                         {pointers.q, pointers.k, pointers.v, pointers.out, pointers.dout,
                          pointers.dq, pointers.dk, pointers.dv});
  }
  if (Choose(reason, problem))
    Run(problem, pointers, out.device(), stream);
  else
    cuda::TiledAttentionBackward(p, inputs, out, softmax, dout, grads);
}

CONVOY_REGISTER_KERNEL(attention_forward, kCuda, Forward);
CONVOY_REGISTER_KERNEL(attention_backward, kCuda, Backward);

}  // namespace
}  // namespace convoy
