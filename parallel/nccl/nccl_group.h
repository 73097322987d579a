// The transport between GPUs: collectives of NCCL on a stream of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/cuda/graph.h"
#include "core/cuda/stream.h"
#include "parallel/collective_call.h"
#include "parallel/gpu_transport.h"
#include "parallel/nccl/communicator.h"
#include "parallel/nccl/watcher.h"
#include "parallel/peers.h"

namespace convoy::nccl {

/// Worker `seat.rank`'s end. A collective waits on the device for what the current stream has been
/// given so far, and Work::Wait makes the current stream wait for the collective; the host waits
/// for neither (only Barrier does wait). May be called while a graph is recorded; what was started
/// on one side of a recording's start or end needs no Wait on the other.
///
/// While it lives, host waits of its worker's thread (core/cuda/stream.h) end with the run's error
/// if the run fails.
class NcclGroup final : public CheckedGroup,
                        public std::enable_shared_from_this<NcclGroup>,
                        private cuda::SideWork {
 public:
  /// Collective. Throws: as Communicator does.
  explicit NcclGroup(const Seat& seat);
  ~NcclGroup() override;

  int rank() const override { return peers_.rank(); }
  int size() const override { return peers_.size(); }
  std::string name() const override { return "nccl"; }

  void Barrier() override;
  /// With NCCL (ncclCommRegister) if all workers can, else with none.
  void Register(const Tensor& tensor) override;
  void Watch(std::string_view what) override;
  void Finish() noexcept override;
  void Abort(const std::string& reason) noexcept override { peers_.board().Fail(reason); }

 protected:
  Work Start(const CollectiveCall& call) override;
  void CheckMemory(CollectiveKind kind, const Tensor& tensor) const override;

 private:
  class Handle;
  struct Launched;  // what has been given to the device as one
  struct Message {
    CollectiveCall call;
    std::shared_ptr<Launched> launched;
  };

  // Counts a call, tells the others of it, and compares it with theirs.
  uint64_t Announce(const CollectiveSignature& signature, const std::string& what);
  // Gives calls to the device as one, between two events.
  void LaunchOn(Launched& launched, uint64_t number, const std::string& what, const char* name,
                const std::function<ncclResult_t(ncclComm_t, cudaStream_t)>& calls);
  Work QueueMessage(const CollectiveCall& call);
  void SendMessages();
  void Join() override;

  const Peers peers_;
  const Device device_;
  const cuda::Stream stream_;
  Communicator communicator_;
  Watcher watcher_;
  std::pair<cuda::Interrupt, void*> interrupt_before_;
  uint64_t calls_ = 0;
  // The last work given to the stream, unless it was joined, and the recording that it is part of.
  std::shared_ptr<const cuda::Event> last_done_;
  uint64_t last_recording_ = 0;
  std::vector<Message> messages_;  // sent and received together, later
  Tensor barrier_;                 // one number
  struct Registered {
    Tensor tensor;  // keeps the memory
    void* handle = nullptr;
  };
  std::vector<Registered> registered_;
};

}  // namespace convoy::nccl
