// cuDNN's fused attention as a graph of its frontend: one plan per problem, made at its first use.
#include "ops/cuda/cudnn_sdpa.h"

#if defined(CONVOY_SIM)
// tests/sim/cudnn_sdpa.cc
#elif !defined(CONVOY_CUDNN_FRONTEND)

#include "core/base/error.h"

namespace convoy::cuda {

namespace {
constexpr const char* kMissing = "the program was built without the headers of cuDNN's frontend";
}  // namespace

std::string SdpaDeclines(const SdpaProblem&) { return kMissing; }
size_t SdpaWorkspaceBytes(const SdpaProblem&) { return 0; }
void RunSdpa(const SdpaProblem&, const SdpaPointers&, void*, void*) {
  Fail("[Attention] {}", kMissing);
}
std::string SdpaGraphError(const SdpaProblem&) { return kMissing; }

}  // namespace convoy::cuda

#else

#include <cuda_runtime_api.h>

#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/base/error.h"
#include "ops/cuda/cudnn_api.h"

namespace convoy::cuda {
namespace {

// A graph's check asks which GPU there is; SdpaGraphError answers for an H100.
thread_local bool on_hopper = false;

inline cudaError_t GetDevice(int* device) {
  if (!on_hopper) return ::cudaGetDevice(device);
  *device = 0;
  return cudaSuccess;
}

inline cudaError_t GetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (!on_hopper) return ::cudaGetDeviceProperties(properties, device);
  *properties = {};
  properties->major = 9;
  return cudaSuccess;
}

}  // namespace
}  // namespace convoy::cuda

// The frontend calls these by name.
#define cudaGetDevice ::convoy::cuda::GetDevice
#define cudaGetDeviceProperties ::convoy::cuda::GetDeviceProperties
#define cudnnBackendCreateDescriptor ::convoy::cuda::Cudnn().cudnnBackendCreateDescriptor
#define cudnnBackendDestroyDescriptor ::convoy::cuda::Cudnn().cudnnBackendDestroyDescriptor
#define cudnnBackendExecute ::convoy::cuda::Cudnn().cudnnBackendExecute
#define cudnnBackendFinalize ::convoy::cuda::Cudnn().cudnnBackendFinalize
#define cudnnBackendGetAttribute ::convoy::cuda::Cudnn().cudnnBackendGetAttribute
#define cudnnBackendSetAttribute ::convoy::cuda::Cudnn().cudnnBackendSetAttribute
#define cudnnCreate ::convoy::cuda::Cudnn().cudnnCreate
#define cudnnCreateFilterDescriptor ::convoy::cuda::Cudnn().cudnnCreateFilterDescriptor
#define cudnnDestroyFilterDescriptor ::convoy::cuda::Cudnn().cudnnDestroyFilterDescriptor
#define cudnnGetErrorString ::convoy::cuda::Cudnn().cudnnGetErrorString
#define cudnnGetLastErrorString ::convoy::cuda::Cudnn().cudnnGetLastErrorString
#define cudnnGetStream ::convoy::cuda::Cudnn().cudnnGetStream
#define cudnnGetVersion ::convoy::cuda::Cudnn().cudnnGetVersion
#define cudnnReorderFilterAndBias ::convoy::cuda::Cudnn().cudnnReorderFilterAndBias
#define cudnnSetFilterNdDescriptor ::convoy::cuda::Cudnn().cudnnSetFilterNdDescriptor
#define cudnnSetStream ::convoy::cuda::Cudnn().cudnnSetStream

#define CUDNN_FRONTEND_SKIP_JSON_LIB
#include <cudnn_frontend.h>

namespace convoy::cuda {
namespace {

namespace fe = cudnn_frontend;
using Attributes = std::shared_ptr<fe::graph::Tensor_attributes>;

constexpr size_t kOldestVersion = 90100;

enum Id : int64_t { kQ = 1, kK, kV, kOut, kStats, kDout, kDq, kDk, kDv };

struct Plan {
  std::unique_ptr<fe::graph::Graph> graph;
  int64_t workspace_bytes = 0;
  std::string declined;
};

// (B, H, T, D) as cuDNN wants dimensions, wherever they lie.
Attributes Input(fe::graph::Graph& graph, const char* name, Id id, const SdpaProblem& p,
                 int64_t steps, const SdpaStrides& strides) {
  return graph.tensor(fe::graph::Tensor_attributes()
                          .set_name(name)
                          .set_uid(id)
                          .set_dim({p.batch, p.heads, steps, p.dim})
                          .set_stride({strides.batch, p.dim, strides.row, 1}));
}

void Output(const Attributes& output, Id id, const SdpaProblem& p, int64_t steps,
            const SdpaStrides& strides) {
  output->set_output(true)
      .set_uid(id)
      .set_dim({p.batch, p.heads, steps, p.dim})
      .set_stride({strides.batch, p.dim, strides.row, 1});
}

// (B, T, H, D), contiguous.
SdpaStrides Contiguous(const SdpaProblem& p) {
  return {p.queries * p.heads * p.dim, p.heads * p.dim};
}

std::vector<int64_t> StatsDims(const SdpaProblem& p) { return {p.batch, p.heads, p.queries, 1}; }
std::vector<int64_t> StatsStrides(const SdpaProblem& p) {
  return {p.heads * p.queries, p.queries, 1, 1};
}

void AddForward(fe::graph::Graph& graph, const SdpaProblem& p, const Attributes& q,
                const Attributes& k, const Attributes& v) {
  auto options = fe::graph::SDPA_attributes()
                     .set_name("attention")
                     .set_generate_stats(p.stats)
                     .set_attn_scale(p.scale);
  if (p.causal) options.set_causal_mask(true);
  auto [out, stats] = graph.sdpa(q, k, v, options);
  Output(out, kOut, p, p.queries, Contiguous(p));
  if (p.stats) {
    stats->set_output(true)
        .set_uid(kStats)
        .set_data_type(fe::DataType_t::FLOAT)
        .set_dim(StatsDims(p))
        .set_stride(StatsStrides(p));
  }
}

void AddBackward(fe::graph::Graph& graph, const SdpaProblem& p, const Attributes& q,
                 const Attributes& k, const Attributes& v) {
  const Attributes out = Input(graph, "out", kOut, p, p.queries, Contiguous(p));
  const Attributes dout = Input(graph, "dout", kDout, p, p.queries, Contiguous(p));
  const Attributes stats = graph.tensor(fe::graph::Tensor_attributes()
                                            .set_name("stats")
                                            .set_uid(kStats)
                                            .set_dim(StatsDims(p))
                                            .set_stride(StatsStrides(p))
                                            .set_data_type(fe::DataType_t::FLOAT));
  auto options = fe::graph::SDPA_backward_attributes()
                     .set_name("attention_backward")
                     .set_attn_scale(p.scale)
                     .set_deterministic_algorithm(p.deterministic);
  if (p.causal) options.set_causal_mask(true);
  auto [dq, dk, dv] = graph.sdpa_backward(q, k, v, out, dout, stats, options);
  Output(dq, kDq, p, p.queries, p.dq);
  Output(dk, kDk, p, p.keys, p.dk);
  Output(dv, kDv, p, p.keys, p.dv);
}

std::unique_ptr<fe::graph::Graph> MakeGraph(const SdpaProblem& p) {
  auto graph = std::make_unique<fe::graph::Graph>();
  graph->set_io_data_type(p.bf16 ? fe::DataType_t::BFLOAT16 : fe::DataType_t::HALF)
      .set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT);
  const Attributes q = Input(*graph, "q", kQ, p, p.queries, p.q);
  const Attributes k = Input(*graph, "k", kK, p, p.keys, p.k);
  const Attributes v = Input(*graph, "v", kV, p, p.keys, p.v);
  if (p.backward)
    AddBackward(*graph, p, q, k, v);
  else
    AddForward(*graph, p, q, k, v);
  return graph;
}

Plan MakePlan(cudnnHandle_t handle, const SdpaProblem& p) {
  Plan plan{.graph = MakeGraph(p)};
  const auto ok = [&](fe::error_t status) {
    if (status.is_good()) return true;
    plan.graph.reset();
    plan.declined = status.get_message();
    if (plan.declined.empty()) plan.declined = "cuDNN has no engine for it";
    return false;
  };
  ok(plan.graph->validate()) && ok(plan.graph->build_operation_graph(handle)) &&
      ok(plan.graph->create_execution_plans({fe::HeurMode_t::A})) &&
      ok(plan.graph->check_support(handle)) && ok(plan.graph->build_plans(handle)) &&
      ok(plan.graph->get_workspace_size(plan.workspace_bytes));
  return plan;
}

struct State {
  std::mutex mutex;
  std::map<int, cudnnHandle_t> handles;
  std::map<SdpaProblem, Plan> plans;
};

// Never destroyed: the driver may be gone by then.
State& GetState() {
  static State& state = *new State;
  return state;
}

// With the mutex held. Throws: Error if cuDNN cannot be found or started.
cudnnHandle_t HandleOf(State& state, int device) {
  cudnnHandle_t& handle = state.handles[device];
  if (handle == nullptr) {
    CONVOY_CHECK(cudnnGetVersion() >= kOldestVersion,
                 "[CUDA] libcudnn is version {}; attention wants {} or later", cudnnGetVersion(),
                 kOldestVersion);
    const cudnnStatus_t status = cudnnCreate(&handle);
    if (status != CUDNN_STATUS_SUCCESS) handle = nullptr;
    CONVOY_CHECK(status == CUDNN_STATUS_SUCCESS, "[CUDA] cudnnCreate failed: {}",
                 cudnnGetErrorString(status));
  }
  return handle;
}

// With the mutex held.
const Plan& PlanOf(State& state, const SdpaProblem& problem) {
  if (const auto found = state.plans.find(problem); found != state.plans.end())
    return found->second;
  Plan plan;
  try {
    plan = MakePlan(HandleOf(state, problem.device), problem);
  } catch (const std::exception& error) {
    plan.declined = error.what();
  }
  return state.plans.emplace(problem, std::move(plan)).first->second;
}

}  // namespace

std::string SdpaDeclines(const SdpaProblem& problem) {
  State& state = GetState();
  const std::lock_guard lock(state.mutex);
  return PlanOf(state, problem).declined;
}

size_t SdpaWorkspaceBytes(const SdpaProblem& problem) {
  State& state = GetState();
  const std::lock_guard lock(state.mutex);
  return static_cast<size_t>(PlanOf(state, problem).workspace_bytes);
}

void RunSdpa(const SdpaProblem& problem, const SdpaPointers& pointers, void* workspace,
             void* stream) {
  State& state = GetState();
  const std::lock_guard lock(state.mutex);
  const Plan& plan = PlanOf(state, problem);
  CONVOY_CHECK(plan.graph != nullptr, "[Attention] cuDNN declines: {}", plan.declined);
  const cudnnHandle_t handle = HandleOf(state, problem.device);
  const cudnnStatus_t set = cudnnSetStream(handle, static_cast<cudaStream_t>(stream));
  CONVOY_CHECK(set == CUDNN_STATUS_SUCCESS, "[CUDA] cudnnSetStream failed: {}",
               cudnnGetErrorString(set));
  std::unordered_map<int64_t, void*> pack = {{kQ, const_cast<void*>(pointers.q)},
                                             {kK, const_cast<void*>(pointers.k)},
                                             {kV, const_cast<void*>(pointers.v)},
                                             {kOut, pointers.out}};
  if (problem.backward || problem.stats) pack[kStats] = pointers.stats;
  if (problem.backward) {
    pack[kDout] = const_cast<void*>(pointers.dout);
    pack[kDq] = pointers.dq;
    pack[kDk] = pointers.dk;
    pack[kDv] = pointers.dv;
  }
  fe::error_t status = plan.graph->execute(handle, pack, workspace);
  CONVOY_CHECK(status.is_good(), "[Attention] cuDNN failed: {}", status.get_message());
}

std::string SdpaGraphError(const SdpaProblem& problem) {
  on_hopper = true;
  std::string wrong;
  try {
    fe::error_t status = MakeGraph(problem)->validate();
    if (status.is_bad()) wrong = status.get_message();
  } catch (const std::exception& error) {
    wrong = error.what();
  }
  on_hopper = false;
  return wrong;
}

}  // namespace convoy::cuda
#endif
