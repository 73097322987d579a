// The transport between GPUs: collectives of NCCL on a stream of their own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/cuda/graph.h"
#include "core/cuda/stream.h"
#include "parallel/group/checked_group.h"
#include "parallel/status/peers.h"
#include "parallel/transport/nccl/communicator.h"
#include "parallel/transport/nccl/watcher.h"

namespace convoy::nccl {

/// Worker `membership.rank`'s end. A collective waits on the device for what the current stream has
/// been given so far, and Work::Wait makes the current stream wait for the collective; the host
/// waits for neither (only Barrier does wait). May be called while a graph is recorded; what was
/// started on one side of a recording's start or end needs no Wait on the other.
///
/// A worker's groups share the stream: what they are given runs in the order of the calls, and two
/// communicators never wait for each other's place on a device.
///
/// While the run's group lives, host waits of its worker's thread (core/cuda/stream.h) end with the
/// run's error if the run fails.
class NcclGroup final : public CheckedGroup,
                        public std::enable_shared_from_this<NcclGroup>,
                        private cuda::SideWork {
 public:
  static constexpr status::TransportTitle kTitle{"NCCL", "; NCCL_DEBUG=INFO tells more"};

  /// Collective. Throws: as Communicator does.
  explicit NcclGroup(const status::Membership& membership);
  ~NcclGroup() override;

  int rank() const override { return peers_.rank(); }
  int size() const override { return peers_.size(); }
  std::string name() const override { return "nccl"; }

  void Barrier() override;
  /// With NCCL (ncclCommRegister) if all workers can, else with none.
  void Register(const Tensor& tensor) override;
  void Watch(std::string_view what) override;
  void Finish() noexcept override;
  void Abort(const std::string& reason) noexcept override { peers_.page().Fail(reason); }

 protected:
  Work Start(const CollectiveCall& call) override;
  void CheckMemory(CollectiveKind kind, const Tensor& tensor) const override;

  Device device() const override { return device_; }
  /// A communicator of its own; its first worker makes the address, which goes to all in this
  /// group.
  std::shared_ptr<CheckedGroup> MakeSubgroup(uint64_t number, int color,
                                             const std::vector<int>& ranks) override;

 private:
  class Handle;
  struct Launched;  // what has been given to the device as one
  // What a worker's groups have in common.
  struct Lane {
    explicit Lane(Device device) : stream(device, cuda::Stream::Priority::kHigh) {}
    // Of all groups, in the order in which they were made: the same on all workers.
    void SendMessages();

    const cuda::Stream stream;
    std::vector<NcclGroup*> groups;
  };
  struct Message {
    CollectiveCall call;
    std::shared_ptr<Launched> launched;
  };

  // The subgroup of `ranks`.
  NcclGroup(const NcclGroup& of, const std::vector<int>& ranks, const ncclUniqueId& id);

  // Counts a call, tells the others of it, and compares it with theirs.
  uint64_t Announce(const CollectiveSignature& signature, const std::string& what);
  // Gives calls to the device as one, between two events.
  void LaunchOn(Launched& launched, uint64_t number, const std::string& what, const char* name,
                const std::function<ncclResult_t(ncclComm_t, cudaStream_t)>& calls);
  Work QueueMessage(const CollectiveCall& call);
  void SendMessages();
  void Join() override;

  const status::Peers peers_;
  const Device device_;
  const std::shared_ptr<Lane> lane_;
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
