// The transport between threads of one process: collectives in shared memory.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parallel/group/checked_group.h"
#include "parallel/transport/inprocess/call_matcher.h"

namespace convoy::transport {

/// A worker's end; it computes with the threads of its cpu:K. Tensors must be in host memory
/// (on any cpu:K). A collective makes progress when workers call the group: each takes its share
/// of what is ready whenever it starts another one, and helps with all that is left in Wait.
class InProcessGroup final : public CheckedGroup,
                             public std::enable_shared_from_this<InProcessGroup> {
 public:
  InProcessGroup(std::shared_ptr<CallMatcher> matcher, int rank)
      : matcher_(std::move(matcher)), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override { return matcher_->size(); }
  std::string name() const override { return "inprocess"; }

  void Abort(const std::string& reason) noexcept override { matcher_->Abort(reason); }

  void Finish() noexcept override { matcher_->Finish(rank_); }

 protected:
  Work Start(const CollectiveCall& call) override;
  Device device() const override { return Device::Cpu(matcher_->worker(rank_)); }
  std::shared_ptr<CheckedGroup> MakeSubgroup(uint64_t number, int color,
                                             const std::vector<int>& ranks) override;
  void UpdateRecords() override;
  void CheckMemory(CollectiveKind kind, const Tensor& tensor) const override;

 private:
  class Handle;
  struct Pending {
    std::shared_ptr<Collective> collective;
    uint64_t id = 0;     // in the flight recorder
    int64_t share = -1;  // chunks still to be run by this worker; -1: not ready when last seen
  };

  Work StartMessage(const CollectiveCall& call);
  void Wait(Collective& collective, CollectiveKind kind);
  void DoShares();
  void HelpUpTo(const Collective& last);
  void Help(Collective& collective, int64_t limit);
  /// Whether every thread of the run has a core of its own, so that a wait may keep its core busy.
  /// The answer at the first wait is kept.
  bool Spins();
  void Note(const Pending& pending);       // in the flight recorder
  void DropDone(std::deque<Pending>& of);  // in front

  const std::shared_ptr<CallMatcher> matcher_;
  const int rank_;
  std::deque<Pending> pending_;  // collectives under way, in order
  std::deque<Pending> messages_;
  std::optional<bool> spins_;  // found out at the first wait
};

/// The group of all workers of `run`, one thread each; element r is for worker r.
std::vector<std::shared_ptr<InProcessGroup>> MakeInProcessGroups(
    std::shared_ptr<status::RunStatus> run);
/// The same for a run of its own. Throws: Error unless `size` is positive.
std::vector<std::shared_ptr<InProcessGroup>> MakeInProcessGroups(int size);

}  // namespace convoy::transport
