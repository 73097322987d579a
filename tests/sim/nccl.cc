// A fake of NCCL: the functions that Convoy calls, between simulated devices of any processes.
#include "tests/sim/nccl.h"

#include <nccl.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/control.h"
#include "tests/sim/launch.h"
#include "tests/sim/nccl_collectives.h"
#include "tests/sim/nccl_link.h"

using namespace convoy::sim;

// Non-blocking: a call is only noted, and given to its stream when the state is asked for, as a
// program that does not ask would find out with the real one, if it is unlucky.
struct ncclComm {
  ncclComm(const ncclUniqueId& id, int rank, int size)
      : link(std::make_shared<NcclLink>(id, rank, size)) {}

  const std::shared_ptr<NcclLink> link;
  // What the operations leave behind, on the streams' threads.
  const std::shared_ptr<std::atomic<int>> result = std::make_shared<std::atomic<int>>(ncclSuccess);
  bool joined = false;
  int polls = 0;  // until noted calls are given to their streams
  std::vector<std::pair<cudaStream_t, std::function<void()>>> noted;
  std::map<const std::byte*, size_t> windows;  // registered memory
};

namespace {

struct Group {
  int depth = 0;
  std::map<std::pair<ncclComm_t, cudaStream_t>, std::vector<NcclCall>> messages;
};
thread_local Group group;

std::string_view Env(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Whether this is registered memory.
bool InWindow(const ncclComm& comm, const void* data) {
  const auto* at = static_cast<const std::byte*>(data);
  auto window = comm.windows.upper_bound(at);
  if (window == comm.windows.begin()) return false;
  --window;
  return at < window->first + window->second;
}

ncclResult_t CheckCall(ncclComm_t comm, const NcclCall& call, const char* function) {
  if (const int injected = InjectedFailure(function)) return static_cast<ncclResult_t>(injected);
  if (comm == nullptr || call.from == nullptr || call.to == nullptr) return ncclInvalidArgument;
  if (SizeOf(call.type) == 0) return ncclInvalidArgument;
  if (call.op != ncclSum && call.op != ncclMax && call.op != ncclMin) return ncclInvalidArgument;
  if (call.peer < 0 || call.peer >= comm->link->size()) return ncclInvalidArgument;
  if (!comm->joined || !comm->noted.empty()) return ncclInvalidUsage;
  return ncclSuccess;
}

ncclResult_t Note(ncclComm_t comm, cudaStream_t stream, std::function<ncclResult_t()> run) {
  comm->noted.emplace_back(stream, [run = std::move(run), link = comm->link, at = comm->result] {
    if (link->aborted()) return;
    if (const ncclResult_t result = run(); result != ncclSuccess) {
      at->store(result, std::memory_order_relaxed);
    }
  });
  comm->polls = 2;
  return ncclInProgress;
}

ncclResult_t Collective(ncclComm_t comm, cudaStream_t stream, NcclCall call, const char* function) {
  if (const ncclResult_t bad = CheckCall(comm, call, function); bad != ncclSuccess) return bad;
  if (group.depth > 0) return ncclInvalidUsage;  // Convoy groups nothing but messages
  if (call.count == 0) return ncclSuccess;
  call.registered = InWindow(*comm, call.from) && InWindow(*comm, call.to);
  return Note(comm, stream, [call, link = comm->link] { return RunCollective(*link, call); });
}

ncclResult_t MessageCall(ncclComm_t comm, cudaStream_t stream, const NcclCall& call,
                         const char* function) {
  if (const ncclResult_t bad = CheckCall(comm, call, function); bad != ncclSuccess) return bad;
  if (group.depth == 0 && call.peer == comm->link->rank()) return ncclInvalidUsage;
  if (group.depth > 0) {
    group.messages[{comm, stream}].push_back(call);
    return ncclSuccess;
  }
  return Note(comm, stream, [call, link = comm->link] { return RunMessages(*link, {call}); });
}

ncclResult_t GiveToStreams(ncclComm& comm) {
  for (auto& [stream, work] : std::exchange(comm.noted, {})) {
    if (Enqueue(stream, std::move(work)) != cudaSuccess) return ncclUnhandledCudaError;
  }
  return ncclSuccess;
}

}  // namespace

namespace convoy::sim {

bool NcclIsThere() { return Env("CONVOY_SIM_NCCL") != "missing"; }

}  // namespace convoy::sim

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  const std::string_view text = Env("CONVOY_SIM_NCCL_VERSION");
  *version = text.empty() ? NCCL_VERSION_CODE : std::atoi(text.data());
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess:
      return "no error";
    case ncclUnhandledCudaError:
      return "unhandled cuda error (run with NCCL_DEBUG=INFO for details)";
    case ncclSystemError:
      return "unhandled system error (run with NCCL_DEBUG=INFO for details)";
    case ncclInternalError:
      return "internal error - please report this issue to the NCCL developers";
    case ncclInvalidArgument:
      return "invalid argument (run with NCCL_DEBUG=WARN for details)";
    case ncclInvalidUsage:
      return "invalid usage (run with NCCL_DEBUG=WARN for details)";
    case ncclRemoteError:
      return "remote process exited or there was a network error";
    case ncclInProgress:
      return "NCCL operation in progress";
    default:
      return "unknown result code";
  }
}

const char* ncclGetLastError(ncclComm_t) { return ""; }

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  if (const int injected = InjectedFailure(__func__)) return static_cast<ncclResult_t>(injected);
  return NcclLink::MakeId(id) ? ncclSuccess : ncclSystemError;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int size, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  *comm = nullptr;
  if (const int injected = InjectedFailure(__func__)) return static_cast<ncclResult_t>(injected);
  if (rank < 0 || rank >= size || size > NcclLink::kMaxRanks) return ncclInvalidArgument;
  if (config == nullptr || config->magic != 0xcafebeef || config->blocking != 0) {
    return ncclInvalidArgument;
  }
  auto made = std::make_unique<ncclComm>(id, rank, size);
  if (!made->link->valid()) return ncclSystemError;
  *comm = made.release();
  return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
  *state = ncclSuccess;
  if (comm == nullptr) return ncclInvalidArgument;
  if (const int injected = InjectedFailure(__func__)) {
    *state = static_cast<ncclResult_t>(injected);
  } else if (!comm->joined && !(comm->joined = comm->link->AllAttached())) {
    *state = ncclInProgress;
  } else if (!comm->noted.empty()) {
    *state = --comm->polls > 0 ? ncclInProgress : GiveToStreams(*comm);
  } else {
    *state = static_cast<ncclResult_t>(comm->result->load(std::memory_order_relaxed));
  }
  return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  return comm == nullptr || !comm->noted.empty() ? ncclInvalidArgument : ncclSuccess;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  delete comm;
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  if (comm == nullptr) return ncclInvalidArgument;
  comm->link->Abort();
  delete comm;
  return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void* from, void* to, size_t count, ncclDataType_t type,
                           ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
  return Collective(comm, stream, {NcclKind::kAllReduce, from, to, count, type, op}, __func__);
}

ncclResult_t ncclBroadcast(const void* from, void* to, size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
  return Collective(comm, stream, {NcclKind::kBroadcast, from, to, count, type, ncclSum, root},
                    __func__);
}

ncclResult_t ncclAllGather(const void* from, void* to, size_t count, ncclDataType_t type,
                           ncclComm_t comm, cudaStream_t stream) {
  return Collective(comm, stream, {NcclKind::kAllGather, from, to, count, type}, __func__);
}

ncclResult_t ncclReduceScatter(const void* from, void* to, size_t count, ncclDataType_t type,
                               ncclRedOp_t op, ncclComm_t comm, cudaStream_t stream) {
  return Collective(comm, stream, {NcclKind::kReduceScatter, from, to, count, type, op}, __func__);
}

ncclResult_t ncclAlltoAll(const void* from, void* to, size_t count, ncclDataType_t type,
                          ncclComm_t comm, cudaStream_t stream) {
  return Collective(comm, stream, {NcclKind::kAlltoAll, from, to, count, type}, __func__);
}

ncclResult_t ncclSend(const void* from, size_t count, ncclDataType_t type, int peer,
                      ncclComm_t comm, cudaStream_t stream) {
  return MessageCall(comm, stream,
                     {NcclKind::kSend, from, const_cast<void*>(from), count, type, ncclSum, peer},
                     __func__);
}

ncclResult_t ncclRecv(void* to, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  return MessageCall(comm, stream, {NcclKind::kRecv, to, to, count, type, ncclSum, peer}, __func__);
}

ncclResult_t ncclGroupStart() {
  ++group.depth;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  if (group.depth == 0) return ncclInvalidUsage;
  if (--group.depth > 0) return ncclSuccess;
  ncclResult_t result = ncclSuccess;
  for (auto& [where, calls] : std::exchange(group.messages, {})) {
    const auto [comm, stream] = where;
    result = Note(comm, stream, [calls = std::move(calls), link = comm->link] {
      return RunMessages(*link, calls);
    });
  }
  return result;
}

ncclResult_t ncclCommRegister(const ncclComm_t comm, void* data, size_t bytes, void** handle) {
  if (const int injected = InjectedFailure(__func__)) return static_cast<ncclResult_t>(injected);
  if (comm == nullptr || data == nullptr || bytes == 0) return ncclInvalidArgument;
  comm->windows[static_cast<const std::byte*>(data)] = bytes;
  *handle = data;
  return ncclSuccess;
}

ncclResult_t ncclCommDeregister(const ncclComm_t comm, void* handle) {
  if (comm == nullptr) return ncclInvalidArgument;
  return comm->windows.erase(static_cast<const std::byte*>(handle)) == 1 ? ncclSuccess
                                                                         : ncclInvalidArgument;
}

}  // extern "C"
