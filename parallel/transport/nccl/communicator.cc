// A worker's NCCL communicator: non-blocking, with a deadline, aborted when the run has failed.
#include "parallel/transport/nccl/communicator.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <utility>

#include "core/base/error.h"
#include "core/cuda/stream.h"

namespace convoy::nccl {
namespace {

static_assert(NCCL_UNIQUE_ID_BYTES == status::StatusPage::kAddressBytes);

// Of the run's group: when all have come, worker 0 makes the address, the others read it.
ncclUniqueId ShareAddress(const status::Peers& peers, Device device) {
  status::JoinAndAwaitAll(peers);
  cuda::Use(device);
  ncclUniqueId id;
  if (peers.rank() == 0) {
    id = MakeId(peers);
    peers.page().Publish(&id);
    return id;
  }
  while (!peers.page().Read(&id)) {
    peers.ThrowIfFailed();
    if (const std::string died = peers.WhoDied(); !died.empty()) {
      peers.FailAndThrow(fmt::format("[NCCL] {} while the workers joined", died));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  return id;
}

}  // namespace

ncclUniqueId MakeId(const status::Peers& peers) {
  ncclUniqueId id;
  if (const ncclResult_t result = GetApi().GetUniqueId(&id); result != ncclSuccess) {
    peers.FailAndThrow("[NCCL] " + Describe("GetUniqueId", result, nullptr));
  }
  return id;
}

Communicator::Communicator(const status::Peers& peers, Device device)
    : Communicator(peers, device, ShareAddress(peers, device)) {}

Communicator::Communicator(const status::Peers& peers, Device device, const ncclUniqueId& id)
    : peers_(peers), device_(device) {
  cuda::Use(device);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  const ncclResult_t result =
      GetApi().CommInitRankConfig(&comm_, peers.size(), id, peers.rank(), &config);
  try {
    Settle("CommInitRankConfig", result);
  } catch (...) {
    Abort();
    throw;
  }
}

Communicator::~Communicator() {
  if (comm_ == nullptr) return;
  try {
    if (peers_.failed()) {
      Abort();
      return;
    }
    cuda::Use(device_);
    Call("CommFinalize", [](ncclComm_t comm) { return GetApi().CommFinalize(comm); });
    GetApi().CommDestroy(comm_);
  } catch (const std::exception&) {
    Abort();
  }
}

void Communicator::Call(const char* name, const std::function<ncclResult_t(ncclComm_t)>& call) {
  ncclResult_t result;
  {
    const std::lock_guard lock(mutex_);
    peers_.ThrowIfFailed();
    CONVOY_CHECK(comm_ != nullptr, "[NCCL] nccl{}: the communicator was aborted", name);
    result = call(comm_);
  }
  Settle(name, result);
}

bool Communicator::Try(const char* name, const std::function<ncclResult_t(ncclComm_t)>& call) {
  ncclResult_t result;
  {
    const std::lock_guard lock(mutex_);
    peers_.ThrowIfFailed();
    CONVOY_CHECK(comm_ != nullptr, "[NCCL] nccl{}: the communicator was aborted", name);
    result = call(comm_);
  }
  if (result != ncclSuccess && result != ncclInProgress) return false;
  Settle(name, result);
  return true;
}

void Communicator::Settle(const char* name, ncclResult_t result) {
  const Deadline deadline(peers_.timeout_s());
  constexpr int kSpins = 1000;
  for (int tries = 0; result == ncclInProgress; ++tries) {
    peers_.ThrowIfFailed();
    if (const std::string died = peers_.WhoDied(); !died.empty()) {
      peers_.FailAndThrow(fmt::format("[NCCL] {}; nccl{} waits for it", died, name));
    }
    if (deadline.passed()) {
      peers_.FailAndThrow(
          fmt::format("[NCCL] nccl{}{} has not returned within {:.1f} s{}; NCCL_DEBUG="
                      "INFO tells more",
                      name, peers_.OfGroup(), deadline.elapsed_s(), peers_.Unheard()));
    }
    if (tries > kSpins) std::this_thread::sleep_for(std::chrono::microseconds(50));
    const std::lock_guard lock(mutex_);
    result = State();
  }
  if (result == ncclSuccess) return;
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    text = Describe(name, result, comm_);
  }
  peers_.FailAndThrow("[NCCL] " + text);
}

ncclResult_t Communicator::State() {
  peers_.ThrowIfFailed();
  CONVOY_CHECK(comm_ != nullptr, "[NCCL] the communicator was aborted");
  ncclResult_t state = ncclSuccess;
  const ncclResult_t result = GetApi().CommGetAsyncError(comm_, &state);
  return result == ncclSuccess ? state : result;
}

std::string Communicator::AsyncError() {
  const std::lock_guard lock(mutex_);
  if (comm_ == nullptr) return {};
  ncclResult_t state = ncclSuccess;
  const ncclResult_t result = GetApi().CommGetAsyncError(comm_, &state);
  if (result != ncclSuccess) state = result;
  if (state == ncclSuccess || state == ncclInProgress) return {};
  return Describe("CommGetAsyncError", state, comm_);
}

void Communicator::Abort() noexcept {
  const std::lock_guard lock(mutex_);
  if (comm_ == nullptr) return;
  GetApi().CommAbort(std::exchange(comm_, nullptr));
}

bool Communicator::aborted() {
  const std::lock_guard lock(mutex_);
  return comm_ == nullptr;
}

}  // namespace convoy::nccl
