// cuBLASLt on the simulated device: the functions that Convoy calls, strict about what they are
// told. A mistake is printed and answered as the library would: with a status.
#include "tests/sim/cublaslt.h"

#include <cublasLt.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>

#include "tests/sim/control.h"
#include "tests/sim/cublaslt_descriptors.h"
#include "tests/sim/gemm_reference.h"
#include "tests/sim/launch.h"

struct cublasLtContext {
  int device;
};

namespace convoy::sim {

using namespace cublaslt;  // NOLINT: the descriptors are at home here

namespace {

// What a cublasLtMatmulAlgo_t holds.
struct Algorithm {
  uint64_t magic;
  uint64_t problem;  // for which it was found
  uint32_t index;
  uint32_t workspace;
  uint32_t align_a, align_b, align_d, align_bias, align_aux;
};
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));
constexpr uint64_t kMagic = 0x636f6e766f79b1a5;

std::atomic<Declines> declines{Declines::kNothing};
std::atomic<int> slow_us[kCublasLtAlgorithms];
std::atomic<int64_t> products[kCublasLtAlgorithms];
std::atomic<int64_t> fused_products{0};

#define SIM_WANT(condition, what) \
  if (!(condition)) return Invalid(what)
#define SIM_INJECT(name)                                           \
  if (const int injected = InjectedFailure(name); injected != 0) { \
    return static_cast<cublasStatus_t>(injected);                  \
  }

uint32_t Alignment(const void* pointer) {
  const uint64_t address = reinterpret_cast<uintptr_t>(pointer);
  const uint64_t lowest = address & -address;
  return lowest == 0 || lowest > 256 ? 256 : static_cast<uint32_t>(lowest);
}

bool Has(const Operation& op, uint32_t bit) { return (op.epilogue & bit) != 0; }
constexpr uint32_t kAuxBit = 128;
constexpr uint32_t kBiasGradients = CUBLASLT_EPILOGUE_BGRADA | CUBLASLT_EPILOGUE_BGRADB;

cublasStatus_t Check(const Operation& op, const Layout& a, const Layout& b, const Layout& d) {
  const bool f64 = d.type == CUDA_R_64F;
  SIM_WANT(op.scale == (f64 ? CUDA_R_64F : CUDA_R_32F), "wrong scale type");
  const bool f32 = op.compute == CUBLAS_COMPUTE_32F ||
                   (op.compute == CUBLAS_COMPUTE_32F_FAST_TF32 && a.type == CUDA_R_32F);
  SIM_WANT(f64 ? op.compute == CUBLAS_COMPUTE_64F : f32, "wrong compute type");
  SIM_WANT(a.type == b.type && (d.type == a.type || (d.type == CUDA_R_32F && !f64)),
           "types of matrices do not go together");
  for (const Layout* x : {&a, &b, &d}) {
    SIM_WANT(x->rows > 0 && x->columns > 0, "an empty matrix");
    SIM_WANT(x->ld >= static_cast<int64_t>(x->rows), "leading dimension below the rows");
    SIM_WANT(x->batch == d.batch && x->batch >= 1 && x->batch <= 65535, "batch counts differ");
    const int64_t size = x->ld * static_cast<int64_t>(x->columns);
    SIM_WANT(x->batch == 1 || x->stride >= size || (x != &d && x->stride == 0),
             "matrices of the batch overlap");
  }
  const bool ta = op.transpose_a == CUBLAS_OP_T, tb = op.transpose_b == CUBLAS_OP_T;
  SIM_WANT((ta ? a.columns : a.rows) == d.rows, "rows of A and D differ");
  SIM_WANT((tb ? b.rows : b.columns) == d.columns, "columns of B and D differ");
  SIM_WANT((ta ? a.rows : a.columns) == (tb ? b.columns : b.rows), "inner extents differ");
  switch (op.epilogue) {
    case CUBLASLT_EPILOGUE_DEFAULT:
    case CUBLASLT_EPILOGUE_RELU:
    case CUBLASLT_EPILOGUE_BIAS:
    case CUBLASLT_EPILOGUE_RELU_BIAS:
    case CUBLASLT_EPILOGUE_GELU:
    case CUBLASLT_EPILOGUE_GELU_BIAS:
    case CUBLASLT_EPILOGUE_GELU_AUX:
    case CUBLASLT_EPILOGUE_GELU_AUX_BIAS:
    case CUBLASLT_EPILOGUE_BGRADB:
      break;
    default:
      return Invalid("an epilogue that the simulated device does not know");
  }
  if (Has(op, CUBLASLT_EPILOGUE_BIAS | kBiasGradients))
    SIM_WANT(op.bias != nullptr, "epilogue without its bias pointer");
  if (Has(op, kAuxBit)) {
    SIM_WANT(op.aux != nullptr, "epilogue without its auxiliary pointer");
    SIM_WANT(op.aux_ld % 8 == 0 && op.aux_ld >= static_cast<int64_t>(d.rows),
             "auxiliary leading dimension");
  }
  if (Has(op, kAuxBit | kBiasGradients))
    SIM_WANT(d.batch == 1, "this epilogue wants a stride for its vector or matrix");
  return CUBLAS_STATUS_SUCCESS;
}

uint64_t Hash(const Operation& op, const Layout& a, const Layout& b, const Layout& c,
              const Layout& d) {
  uint64_t hash = 1469598103934665603u;
  const auto add = [&](auto value) {
    hash = (hash ^ static_cast<uint64_t>(value)) * 1099511628211u;
  };
  add(op.compute), add(op.transpose_a), add(op.transpose_b), add(op.epilogue), add(op.aux_ld);
  for (const Layout* x : {&a, &b, &c, &d})
    add(x->type), add(x->rows), add(x->columns), add(x->ld), add(x->batch), add(x->stride);
  return hash;
}

}  // namespace

void SetCublasLtDeclines(Declines what) { declines = what; }
void SetCublasLtSlow(int algorithm, int us) { slow_us[algorithm] = us; }
int64_t CublasLtProducts(int algorithm) { return products[algorithm]; }
int64_t CublasLtFusedProducts() { return fused_products; }

}  // namespace convoy::sim

using namespace convoy::sim;  // NOLINT: the functions below are the library's

extern "C" {

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  SIM_INJECT("cublasLtCreate");
  int device = 0;
  if (cudaGetDevice(&device) != cudaSuccess) return CUBLAS_STATUS_NOT_INITIALIZED;
  *handle = new cublasLtContext{device};
  return CUBLAS_STATUS_SUCCESS;
}

const char* cublasLtGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    default:
      return "CUBLAS_STATUS_OTHER";
  }
}
const char* cublasLtGetStatusString(cublasStatus_t) { return "a status of the simulated cuBLASLt"; }
size_t cublasLtGetVersion() { return CUBLAS_VERSION; }

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(
    cublasLtHandle_t handle, cublasLtMatmulDesc_t operation, cublasLtMatrixLayout_t a_layout,
    cublasLtMatrixLayout_t b_layout, cublasLtMatrixLayout_t c_layout,
    cublasLtMatrixLayout_t d_layout, cublasLtMatmulPreference_t preference, int requested,
    cublasLtMatmulHeuristicResult_t results[], int* count) {
  SIM_INJECT("cublasLtMatmulAlgoGetHeuristic");
  SIM_WANT(handle != nullptr && requested > 0, "arguments of the heuristic");
  const Operation& op = Of<Operation>(operation);
  const Layout &a = Of<Layout>(a_layout), &b = Of<Layout>(b_layout), &c = Of<Layout>(c_layout),
               &d = Of<Layout>(d_layout);
  const Preference& wanted = Of<Preference>(preference);
  if (const cublasStatus_t status = Check(op, a, b, d); status != CUBLAS_STATUS_SUCCESS)
    return status;
  *count = 0;
  const bool fused = (op.epilogue & ~(CUBLASLT_EPILOGUE_BIAS | CUBLASLT_EPILOGUE_DEFAULT)) != 0;
  const bool declined =
      (fused && d.type == CUDA_R_64F) || declines == Declines::kEverything ||
      (declines == Declines::kEpilogues && op.epilogue != CUBLASLT_EPILOGUE_DEFAULT);
  if (declined) return CUBLAS_STATUS_NOT_SUPPORTED;
  constexpr uint32_t kWorkspace[kCublasLtAlgorithms] = {4096, 0, 1 << 20};
  for (uint32_t i = 0; i < kCublasLtAlgorithms && *count < requested; ++i) {
    if (kWorkspace[i] > wanted.workspace) continue;
    cublasLtMatmulHeuristicResult_t& result = results[(*count)++];
    result = {};
    const Algorithm algorithm{.magic = kMagic,
                              .problem = Hash(op, a, b, c, d),
                              .index = i,
                              .workspace = kWorkspace[i],
                              .align_a = wanted.align_a,
                              .align_b = wanted.align_b,
                              .align_d = wanted.align_d,
                              .align_bias = Alignment(op.bias),
                              .align_aux = Alignment(op.aux)};
    std::memcpy(&result.algo, &algorithm, sizeof algorithm);
    result.workspaceSize = kWorkspace[i];
    result.state = CUBLAS_STATUS_SUCCESS;
    result.wavesCount = 1;
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t operation,
                              const void* alpha, const void* a, cublasLtMatrixLayout_t a_layout,
                              const void* b, cublasLtMatrixLayout_t b_layout, const void* beta,
                              const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algo,
                              void* workspace, size_t workspace_bytes, cudaStream_t stream) {
  SIM_INJECT("cublasLtMatmul");
  const Operation& op = Of<Operation>(operation);
  const Layout &al = Of<Layout>(a_layout), &bl = Of<Layout>(b_layout), &cl = Of<Layout>(c_layout),
               &dl = Of<Layout>(d_layout);
  if (const cublasStatus_t status = Check(op, al, bl, dl); status != CUBLAS_STATUS_SUCCESS)
    return status;
  int device = 0;
  cudaGetDevice(&device);
  SIM_WANT(handle->device == device && DeviceOf(stream) == device,
           "handle, stream and current device are not of one device");
  SIM_WANT(a != nullptr && b != nullptr && d != nullptr && algo != nullptr, "a null pointer");
  SIM_WANT(c == d && &cl == &dl, "C apart from D, which the simulated device does not know");
  Algorithm algorithm;
  std::memcpy(&algorithm, algo, sizeof algorithm);
  SIM_WANT(algorithm.magic == kMagic && algorithm.problem == Hash(op, al, bl, cl, dl),
           "an algorithm that was not found for this product");
  SIM_WANT(Alignment(a) >= algorithm.align_a && Alignment(b) >= algorithm.align_b &&
               Alignment(d) >= algorithm.align_d,
           "a matrix is less aligned than the heuristic was told");
  SIM_WANT(!Has(op, CUBLASLT_EPILOGUE_BIAS | kBiasGradients) ||
               Alignment(op.bias) >= std::min(algorithm.align_bias, 64u),
           "the bias is less aligned than when the heuristic saw it");
  SIM_WANT(!Has(op, kAuxBit) || Alignment(op.aux) >= std::min(algorithm.align_aux, 64u),
           "the auxiliary matrix is less aligned than when the heuristic saw it");
  SIM_WANT(workspace_bytes >= algorithm.workspace, "the workspace is too small");
  SIM_WANT(algorithm.workspace == 0 || Alignment(workspace) >= 16, "workspace alignment");

  const bool f64 = dl.type == CUDA_R_64F;
  const auto scalar = [&](const void* at) {
    return f64 ? *static_cast<const double*>(at) : *static_cast<const float*>(at);
  };
  SIM_WANT(scalar(alpha) == 1, "alpha is not 1, which Convoy has no use for");
  const bool ta = op.transpose_a == CUBLAS_OP_T, tb = op.transpose_b == CUBLAS_OP_T;
  const GemmReference reference{.a = {a, al.type, ta ? al.ld : 1, ta ? 1 : al.ld, al.stride},
                                .b = {b, bl.type, tb ? bl.ld : 1, tb ? 1 : bl.ld, bl.stride},
                                .d = d,
                                .d_type = dl.type,
                                .d_ld = dl.ld,
                                .d_stride = dl.stride,
                                .rows = static_cast<int64_t>(dl.rows),
                                .columns = static_cast<int64_t>(dl.columns),
                                .inner = static_cast<int64_t>(ta ? al.rows : al.columns),
                                .batch = dl.batch,
                                .beta = scalar(beta),
                                .split = static_cast<int>(algorithm.index) + 1,
                                .bias = Has(op, CUBLASLT_EPILOGUE_BIAS) ? op.bias : nullptr,
                                .relu = Has(op, CUBLASLT_EPILOGUE_RELU),
                                .gelu = Has(op, CUBLASLT_EPILOGUE_GELU),
                                .aux = Has(op, kAuxBit) ? op.aux : nullptr,
                                .aux_ld = op.aux_ld,
                                .b_sums = Has(op, CUBLASLT_EPILOGUE_BGRADB) ? op.bias : nullptr,
                                .workspace = static_cast<unsigned char*>(workspace),
                                .workspace_bytes = algorithm.workspace,
                                .delay_us = slow_us[algorithm.index]};
  ++products[algorithm.index];
  fused_products += reference.relu || reference.gelu || reference.b_sums != nullptr;
  if (Enqueue(stream, [reference] { reference.Run(); }) != cudaSuccess)
    return CUBLAS_STATUS_EXECUTION_FAILED;
  return CUBLAS_STATUS_SUCCESS;
}

}  // extern "C"
