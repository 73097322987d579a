// A worker's NCCL communicator: non-blocking, with a deadline, aborted when the run has failed.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/device.h"
#include "parallel/status/peers.h"
#include "parallel/transport/nccl/api.h"

namespace convoy::nccl {

/// The address of a new communicator. Throws: Error with NCCL's words; the run has then failed.
ncclUniqueId MakeId(const status::Peers& peers);

class Communicator {
 public:
  /// Finds the other workers and connects to them. Collective.
  /// Throws: Error naming who has not joined in time, or with NCCL's words.
  Communicator(const status::Peers& peers, Device device);
  /// As above, for workers that have met and have the id that one of them has made.
  Communicator(const status::Peers& peers, Device device, const ncclUniqueId& id);
  /// Ends the communicator with the others', or aborts it if the run has failed.
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  /// Makes a call of NCCL and waits until the library has taken it (not until it is done).
  /// `name` without "nccl". Throws: Error if it fails, if the run has failed, or if it takes too
  /// long; the run has then failed.
  void Call(const char* name, const std::function<ncclResult_t(ncclComm_t)>& call);

  /// As Call, for calls that may fail: whether it did not.
  bool Try(const char* name, const std::function<ncclResult_t(ncclComm_t)>& call);

  /// What has gone wrong since on the device or with a peer, in NCCL's words; or empty. For another
  /// thread than the worker's.
  std::string AsyncError();
  /// Ends all that runs on the device, and makes every later call fail. From any thread.
  void Abort() noexcept;
  bool aborted();

 private:
  // Polls until the library is no longer busy with the last call.
  void Settle(const char* name, ncclResult_t result);
  ncclResult_t State();  // of the communicator, under the lock

  const status::Peers& peers_;
  const Device device_;
  std::mutex mutex_;           // held for one call of NCCL at a time
  ncclComm_t comm_ = nullptr;  // null once aborted
};

}  // namespace convoy::nccl
