// The real cuBLASLt and cuDNN of this machine, as far as they go without a GPU: they open, every
// function is there, and cuDNN's frontend accepts our graphs.
#include <catch2/catch.hpp>
#include <cstdio>

#include "core/base/error.h"
#include "ops/cuda/cublaslt_api.h"
#include "ops/cuda/cudnn_api.h"
#include "ops/cuda/cudnn_sdpa.h"

namespace convoy::cuda {
namespace {

// Calls `find`; false, with a line that says SKIPPED, if the machine lacks the library.
template <typename F>
bool Found(F&& find) {
  try {
    find();
    return true;
  } catch (const Error& error) {
    // A library that is there, but lacks a function, is a failure.
    if (std::string(error.what()).find("cannot open") == std::string::npos &&
        std::string(error.what()).find("not found") == std::string::npos)
      FAIL(error.what());
    std::printf("SKIPPED: %s\n", error.what());
    return false;
  }
}

TEST_CASE("cuBLASLt opens and has every function") {
  if (!Found([] { CublasLt(); })) return;
  CHECK(CublasLt().cublasLtGetVersion() >= 130000);
  CHECK(std::string(CublasLt().cublasLtGetStatusName(CUBLAS_STATUS_NOT_SUPPORTED)) ==
        "CUBLAS_STATUS_NOT_SUPPORTED");
}

TEST_CASE("cuDNN opens and has every function") {
  if (!Found([] { Cudnn(); })) return;
  CHECK(Cudnn().cudnnGetVersion() >= 90100);
  CHECK(std::string(Cudnn().cudnnGetErrorString(CUDNN_STATUS_SUCCESS)) == "CUDNN_STATUS_SUCCESS");
}

// GPT-2's attention: qkv packed in one tensor.
SdpaProblem Gpt2(bool backward) {
  constexpr int64_t kHeads = 12, kDim = 64, kSteps = 1024;
  const SdpaStrides packed{.batch = kSteps * 3 * kHeads * kDim, .row = 3 * kHeads * kDim};
  SdpaProblem p{.bf16 = true, .causal = true, .backward = backward, .stats = !backward};
  p.deterministic = backward;
  p.batch = 4, p.heads = kHeads, p.queries = kSteps, p.keys = kSteps, p.dim = kDim;
  p.scale = 0.125f;
  p.q = p.k = p.v = packed;
  if (backward) p.dq = p.dk = p.dv = packed;
  return p;
}

#if defined(CONVOY_CUDNN_FRONTEND)
TEST_CASE("cuDNN's frontend accepts the graphs of a packed causal attention") {
  if (!Found([] { Cudnn(); })) return;
  CHECK(SdpaGraphError(Gpt2(false)) == "");
  CHECK(SdpaGraphError(Gpt2(true)) == "");
  SdpaProblem inference = Gpt2(false);
  inference.stats = false, inference.causal = false;
  inference.keys = 77;
  CHECK(SdpaGraphError(inference) == "");
}

TEST_CASE("cuDNN's frontend says what it does not take") {
  if (!Found([] { Cudnn(); })) return;
  SdpaProblem odd = Gpt2(false);
  odd.dim = 63;
  CHECK(SdpaGraphError(odd) != "");
}
#endif

TEST_CASE("Without a GPU, or without cuDNN, attention is declined with a reason") {
  SdpaProblem problem = Gpt2(false);
  problem.dim = 63;  // which cuDNN declines where there is a GPU
  CHECK(SdpaDeclines(problem) != "");
}

}  // namespace
}  // namespace convoy::cuda
