// The part of a process group that all transports share: arguments are checked, subgroups made.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "core/tensor.h"
#include "parallel/group/collective_call.h"
#include "parallel/group/flight_recorder.h"
#include "parallel/group/process_group.h"

namespace convoy {

/// The part of a transport that is the same for all: checks a call's arguments and hands it on.
class CheckedGroup : public ProcessGroup {
 public:
  Work AllReduce(const Tensor& tensor, ReduceOp op, std::string_view what) final;
  Work Broadcast(const Tensor& tensor, int root) final;
  Work AllGather(const Tensor& input, const Tensor& output, std::string_view what) final;
  Work ReduceScatter(const Tensor& input, const Tensor& output, ReduceOp op,
                     std::string_view what) final;
  Work AllToAll(const Tensor& input, const Tensor& output) final;
  Work Send(const Tensor& tensor, int destination, int tag) final;
  Work Recv(const Tensor& tensor, int source, int tag) final;
  void Barrier() override;
  std::shared_ptr<ProcessGroup> Split(int color) final;
  std::vector<int> workers() const final;
  std::vector<std::shared_ptr<ProcessGroup>> subgroups() const final;
  std::vector<CollectiveRecord> history() final;

 protected:
  CheckedGroup() = default;
  /// Of `workers`, as the run counts them.
  explicit CheckedGroup(std::vector<int> workers) : workers_(std::move(workers)) {}

  /// The tensors are handles of their own: the caller's may be moved elsewhere meanwhile.
  virtual Work Start(const CollectiveCall& call) = 0;
  /// Where this worker computes.
  virtual Device device() const = 0;
  /// This worker's end of the subgroup that Split's call `number`, counted from 1, makes of the
  /// `ranks` of `color`; null if there are none, which is a call as well.
  virtual std::shared_ptr<CheckedGroup> MakeSubgroup(uint64_t number, int color,
                                                     const std::vector<int>& ranks) = 0;
  /// `input`, of any length, of every worker: Split's AllGather.
  Tensor Gather(const Tensor& input);

  /// What Start is called with is there already; how it goes on is for the transport to say.
  FlightRecorder& records() { return records_; }
  /// Says what has happened since, if the transport notices that late.
  virtual void UpdateRecords() {}
  /// Throws: Error unless this transport reaches the tensor's memory.
  virtual void CheckMemory(CollectiveKind kind, const Tensor& tensor) const = 0;

 private:
  Work Begin(CollectiveCall call);
  void CheckInput(CollectiveKind kind, const Tensor& tensor) const;
  void CheckReducible(CollectiveKind kind, const Tensor& tensor) const;
  void CheckOutput(CollectiveKind kind, const Tensor& input, const Tensor& output,
                   int64_t numel) const;
  /// Throws: Error if `part` overlaps `whole` but for being its part `rank`.
  void CheckPart(CollectiveKind kind, const char* part_name, const Tensor& part,
                 const char* whole_name, const Tensor& whole) const;
  void CheckDivisible(CollectiveKind kind, const Tensor& input) const;
  void CheckRank(CollectiveKind kind, const char* what, int rank) const;

  FlightRecorder records_;
  std::vector<int> workers_;  // of a subgroup
  uint64_t splits_ = 0;
  // A subgroup may not end while an exception is on its way, which may be what the others are about
  // to be told.
  std::vector<std::shared_ptr<CheckedGroup>> subgroups_;
};

}  // namespace convoy
