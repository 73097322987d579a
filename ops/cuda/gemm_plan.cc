// Products through cuBLASLt. It thinks in columns: a row-major (m, n) matrix is to it a
// column-major (n, m) one, so c = a @ b is asked for as c^T = b^T @ a^T, with a and b changing
// places.
#include "ops/cuda/gemm_plan.h"

#include <algorithm>
#include <array>
#include <compare>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "core/base/error.h"
#include "core/cuda/check.h"
#include "core/cuda/stream.h"
#include "core/view.h"
#include "core/workspace.h"
#include "ops/cuda/cublaslt_api.h"
#include "ops/cuda/cublaslt_descriptors.h"
#include "ops/gemm_settings.h"

namespace convoy::cuda {
namespace {

using cublaslt::Layout, cublaslt::MakeLayout, cublaslt::Operation, cublaslt::Preference;
using cublaslt::SetAttribute;

constexpr uint64_t kMaxWorkspaceBytes = 32 << 20;  // what the library wants on Hopper
constexpr int kMaxCandidates = 16;

// Flat buffers promise 64 bytes: promising more for some operands only would make two plans, and
// perhaps two algorithms, of one product.
uint32_t Alignment(const void* pointer) {
  const uint64_t address = reinterpret_cast<uintptr_t>(pointer);
  return static_cast<uint32_t>(std::min<uint64_t>(64, address == 0 ? 64 : address & -address));
}

// All that a plan depends on.
struct Key {
  DType dtype, result;
  int64_t m, n, k, batch;
  bool transpose_a, transpose_b, accumulate, repeat_a, repeat_b, has_bias, tf32, autotune;
  GemmEpilogue epilogue;
  uint32_t align_a, align_b, align_c, align_bias, align_aux;
  auto operator<=>(const Key&) const = default;

  Key(const GemmCall& call, const GemmSettings& settings)
      : dtype(call.g.dtype),
        result(call.result),
        m(call.g.m),
        n(call.g.n),
        k(call.g.k),
        batch(call.g.batch),
        transpose_a(call.g.transpose_a),
        transpose_b(call.g.transpose_b),
        accumulate(call.g.accumulate),
        repeat_a(call.g.repeat_a),
        repeat_b(call.g.repeat_b),
        has_bias(call.g.bias != nullptr),
        tf32(call.g.dtype == DType::kF32 && settings.allow_tf32),
        autotune(settings.autotune),
        epilogue(call.epilogue),
        align_a(Alignment(call.g.a)),
        align_b(Alignment(call.g.b)),
        align_c(Alignment(call.g.c)),
        align_bias(Alignment(call.g.bias)),
        align_aux(Alignment(call.aux)) {}
};

uint32_t Epilogue(const Key& key) {
  const uint32_t bias = key.has_bias ? CUBLASLT_EPILOGUE_BIAS : 0;
  switch (key.epilogue) {
    case GemmEpilogue::kNone:
      return key.has_bias ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT;
    case GemmEpilogue::kRelu:
      return CUBLASLT_EPILOGUE_RELU | bias;
    case GemmEpilogue::kGelu:
      return CUBLASLT_EPILOGUE_GELU | bias;
    case GemmEpilogue::kGeluKeepInput:
      return CUBLASLT_EPILOGUE_GELU_AUX | bias;
    case GemmEpilogue::kBiasGradient:
      return CUBLASLT_EPILOGUE_BGRADB;  // of the second operand, which a is to the library
  }
  return CUBLASLT_EPILOGUE_DEFAULT;
}

struct Plan {
  Operation operation;
  Layout a, b, c;
  /// The one in use first. Empty: the library has none.
  std::vector<cublasLtMatmulHeuristicResult_t> algorithms;
  bool timed = false;
};

void SetPointers(const Plan& plan, const GemmCall& call) {
  if (call.g.bias != nullptr)
    SetAttribute(plan.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, call.g.bias);
  if (call.epilogue == GemmEpilogue::kBiasGradient)
    SetAttribute(plan.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, call.aux);
  if (call.epilogue == GemmEpilogue::kGeluKeepInput)
    SetAttribute(plan.operation, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, call.aux);
}

Plan MakePlan(cublasLtHandle_t handle, const Key& key, const GemmCall& call) {
  const bool f64 = key.dtype == DType::kF64;
  const cublasComputeType_t compute = f64        ? CUBLAS_COMPUTE_64F
                                      : key.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                 : CUBLAS_COMPUTE_32F;
  cublasLtMatmulDesc_t operation;
  CONVOY_CUBLASLT(
      CublasLt().cublasLtMatmulDescCreate(&operation, compute, f64 ? CUDA_R_64F : CUDA_R_32F));
  Plan plan{.operation = Operation(operation, {CublasLt().cublasLtMatmulDescDestroy})};
  const auto op = [](bool transpose) {
    return static_cast<int32_t>(transpose ? CUBLAS_OP_T : CUBLAS_OP_N);
  };
  SetAttribute(plan.operation, CUBLASLT_MATMUL_DESC_TRANSA, op(key.transpose_b));
  SetAttribute(plan.operation, CUBLASLT_MATMUL_DESC_TRANSB, op(key.transpose_a));
  SetAttribute(plan.operation, CUBLASLT_MATMUL_DESC_EPILOGUE, Epilogue(key));
  if (key.epilogue == GemmEpilogue::kGeluKeepInput)
    SetAttribute(plan.operation, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, key.n);
  SetPointers(plan, call);  // the choice depends on their alignment

  plan.a = MakeLayout(key.dtype, key.transpose_a ? key.k : key.m, key.transpose_a ? key.m : key.k,
                      key.batch, key.repeat_a);
  plan.b = MakeLayout(key.dtype, key.transpose_b ? key.n : key.k, key.transpose_b ? key.k : key.n,
                      key.batch, key.repeat_b);
  plan.c = MakeLayout(key.result, key.m, key.n, key.batch, false);

  cublasLtMatmulPreference_t preference;
  CONVOY_CUBLASLT(CublasLt().cublasLtMatmulPreferenceCreate(&preference));
  const Preference owned(preference, {CublasLt().cublasLtMatmulPreferenceDestroy});
  SetAttribute(owned, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kMaxWorkspaceBytes);
  SetAttribute(owned, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, key.align_b);
  SetAttribute(owned, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, key.align_a);
  SetAttribute(owned, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, key.align_c);
  SetAttribute(owned, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, key.align_c);
  // Partial sums stay in the compute type (else bf16 results would be added up in bf16), and are
  // added in a fixed order.
  SetAttribute(owned, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
               uint32_t{CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE});

  std::array<cublasLtMatmulHeuristicResult_t, kMaxCandidates> found;
  int count = 0;
  const cublasStatus_t status = CublasLt().cublasLtMatmulAlgoGetHeuristic(
      handle, plan.operation.get(), plan.b.get(), plan.a.get(), plan.c.get(), plan.c.get(),
      owned.get(), kMaxCandidates, found.data(), &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return plan;
  CONVOY_CHECK(status == CUBLAS_STATUS_SUCCESS,
               "[MatMul] cuBLASLt found no algorithm for ({} x {}) @ ({} x {}) of {}: {}", key.m,
               key.k, key.k, key.n, Name(key.dtype), CublasLt().cublasLtGetStatusString(status));
  std::copy_if(found.begin(), found.begin() + count, std::back_inserter(plan.algorithms),
               [](const auto& result) { return result.state == CUBLAS_STATUS_SUCCESS; });
  return plan;
}

// Everything of a GPU; lives as long as the process.
struct DeviceState {
  std::mutex mutex;  // descriptors hold the pointers of the product being queued
  cublasLtHandle_t handle = nullptr;
  std::map<Key, Plan> plans;
  GemmPlanStats stats;
};

std::mutex states_mutex;

std::map<int, DeviceState>& States() {
  static auto& states = *new std::map<int, DeviceState>;
  return states;
}

// The current device is `device`.
DeviceState& StateOf(Device device) {
  const std::lock_guard lock(states_mutex);
  DeviceState& state = States()[device.index];
  if (state.handle == nullptr) CONVOY_CUBLASLT(CublasLt().cublasLtCreate(&state.handle));
  return state;
}

cublasStatus_t Queue(DeviceState& state, const Plan& plan, const GemmCall& call, size_t algorithm,
                     const View& workspace, cudaStream_t stream) {
  const double beta64 = call.g.accumulate ? 1 : 0, alpha64 = 1;
  const float beta32 = call.g.accumulate ? 1 : 0, alpha32 = 1;
  const bool f64 = call.g.dtype == DType::kF64;
  const auto scalar = [&](const double& wide, const float& narrow) {
    return f64 ? static_cast<const void*>(&wide) : &narrow;
  };
  return CublasLt().cublasLtMatmul(state.handle, plan.operation.get(), scalar(alpha64, alpha32),
                                   call.g.b, plan.b.get(), call.g.a, plan.a.get(),
                                   scalar(beta64, beta32), call.g.c, plan.c.get(), call.g.c,
                                   plan.c.get(), &plan.algorithms[algorithm].algo,
                                   workspace.defined() ? workspace.raw_data() : nullptr,
                                   workspace.defined() ? workspace.bytes() : 0, stream);
}

// From the stream's own pool: the next product on it may have the same memory.
Workspace Scratch(Device device, size_t bytes) {
  if (bytes == 0) return {};
  return Workspace::Empty({static_cast<int64_t>(bytes)}, {DType::kU8, device});
}

class TimingEvent {
 public:
  TimingEvent() { CONVOY_CUDA(cudaEventCreate(&event_)); }
  ~TimingEvent() { cudaEventDestroy(event_); }
  TimingEvent(const TimingEvent&) = delete;
  TimingEvent& operator=(const TimingEvent&) = delete;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

// Puts the fastest algorithm first. The host waits for the device.
void Time(DeviceState& state, Plan& plan, GemmCall call, cudaStream_t stream) {
  constexpr float kEnoughMs = 2;
  constexpr int kMaxRepeats = 20;
  Workspace sums;
  if (call.g.accumulate) {  // not into the real ones
    sums = Workspace::Zeros({call.g.batch, call.g.m, call.g.n}, {call.result, call.g.device});
    call.g.c = sums.raw_data();
  }
  size_t bytes = 0;
  for (const auto& algorithm : plan.algorithms) bytes = std::max(bytes, algorithm.workspaceSize);
  const Workspace workspace = Scratch(call.g.device, bytes);
  const TimingEvent start, stop;
  const auto run_ms = [&](size_t algorithm, int repeats) {
    CONVOY_CUDA(cudaEventRecord(start.get(), stream));
    for (int i = 0; i < repeats; ++i) {
      if (Queue(state, plan, call, algorithm, workspace, stream) != CUBLAS_STATUS_SUCCESS)
        return std::numeric_limits<float>::infinity();
    }
    CONVOY_CUDA(cudaEventRecord(stop.get(), stream));
    Synchronize(stream);
    float ms = 0;
    CONVOY_CUDA(cudaEventElapsedTime(&ms, start.get(), stop.get()));
    return ms / static_cast<float>(repeats);
  };
  float best_ms = std::numeric_limits<float>::infinity();
  size_t best = 0;
  for (size_t i = 0; i < plan.algorithms.size(); ++i) {
    const float once_ms = run_ms(i, 1);  // loads the kernel
    if (once_ms == std::numeric_limits<float>::infinity()) continue;
    const float repeats = kEnoughMs / std::max(once_ms, kEnoughMs / kMaxRepeats);
    const float ms = run_ms(i, std::max(1, static_cast<int>(repeats)));
    if (ms < best_ms) best_ms = ms, best = i;
  }
  std::swap(plan.algorithms[0], plan.algorithms[best]);
  plan.timed = true;
  ++state.stats.timed;
}

bool IsCapturing(cudaStream_t stream) {
  cudaStreamCaptureStatus status;
  CONVOY_CUDA(cudaStreamIsCapturing(stream, &status));
  return status != cudaStreamCaptureStatusNone;
}

}  // namespace

bool RunGemm(const GemmCall& call) {
  const cudaStream_t stream = Use(call.g.device);
  const Key key(call, GetGemmSettings());
  DeviceState& state = StateOf(call.g.device);
  const std::lock_guard lock(state.mutex);
  auto found = state.plans.find(key);
  if (found != state.plans.end()) {
    ++state.stats.hits;
  } else {
    found = state.plans.emplace(key, MakePlan(state.handle, key, call)).first;
    ++state.stats.plans;
  }
  Plan& plan = found->second;
  if (plan.algorithms.empty()) {
    ++state.stats.declined;
    return false;
  }
  SetPointers(plan, call);
  if (key.autotune && !plan.timed && !IsCapturing(stream)) Time(state, plan, call, stream);
  const Workspace workspace = Scratch(call.g.device, plan.algorithms[0].workspaceSize);
  const cublasStatus_t status = Queue(state, plan, call, 0, workspace, stream);
  if (status != CUBLAS_STATUS_SUCCESS)
    internal::FailCublasLt(status, "cublasLtMatmul", __FILE__, __LINE__);
  return true;
}

GemmPlanStats PlanStats() {
  const std::lock_guard lock(states_mutex);
  GemmPlanStats sum;
  for (auto& [index, state] : States()) {
    const std::lock_guard state_lock(state.mutex);
    sum.plans += state.stats.plans;
    sum.hits += state.stats.hits;
    sum.timed += state.stats.timed;
    sum.declined += state.stats.declined;
  }
  return sum;
}

}  // namespace convoy::cuda
