// The transport between threads of one process: collectives in shared memory.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "parallel/inprocess/hub.h"
#include "parallel/process_group.h"

namespace convoy {

/// Worker `rank`'s end; it computes with the threads of cpu:rank. Tensors must be in host memory
/// (on any cpu:K). A collective makes progress when workers call the group: each takes its share
/// of what is ready whenever it starts another one, and helps with all that is left in Wait.
class InProcessGroup final : public ProcessGroup,
                             public std::enable_shared_from_this<InProcessGroup> {
 public:
  InProcessGroup(std::shared_ptr<Hub> hub, int rank) : hub_(std::move(hub)), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return hub_->size(); }
  std::string name() const override { return "inprocess"; }

  Work AllReduce(const Tensor& tensor, ReduceOp op) override;
  Work Broadcast(const Tensor& tensor, int root) override;
  Work AllGather(const Tensor& input, const Tensor& output) override;
  Work ReduceScatter(const Tensor& input, const Tensor& output, ReduceOp op) override;
  Work AllToAll(const Tensor& input, const Tensor& output) override;
  Work Send(const Tensor& tensor, int destination, int tag) override;
  Work Recv(const Tensor& tensor, int source, int tag) override;
  void Barrier() override;
  void Abort(const std::string& reason) noexcept override { hub_->Abort(reason); }

  /// This worker calls nothing any more: whoever waits for it gets an Error instead.
  void Finish() noexcept { hub_->Finish(rank_); }

 private:
  class Handle;
  struct Pending {
    std::shared_ptr<Collective> collective;
    int64_t share = -1;  // chunks still to be run by this worker; -1: not ready when last seen
  };

  // Joins, then does this worker's share of whatever is ready.
  Work Start(Request request);
  Work StartMessage(int source, int destination, int tag, Request request);
  void Wait(Collective& collective, CollectiveKind kind);
  void DoShares();
  void HelpUpTo(const Collective& last);
  void Help(Collective& collective, int64_t limit);
  bool Spins();
  void CheckRank(CollectiveKind kind, const char* what, int rank) const;

  const std::shared_ptr<Hub> hub_;
  const int rank_;
  std::deque<Pending> pending_;  // collectives under way, in order
};

/// One group of `size` workers, one thread each; element r is for worker r.
/// Throws: Error unless `size` is positive.
std::vector<std::shared_ptr<InProcessGroup>> MakeInProcessGroups(int size);

}  // namespace convoy
