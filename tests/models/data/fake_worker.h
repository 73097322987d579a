// A worker that only knows its rank: for what deals data, and never communicates.
#pragma once

#include <memory>

#include "core/base/error.h"
#include "parallel/group/worker.h"

namespace convoy {

class FakeGroup final : public ProcessGroup {
 public:
  FakeGroup(int rank, int size) : rank_(rank), size_(size) {}

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string name() const override { return "fake"; }
  Work AllReduce(const Tensor&, ReduceOp, std::string_view) override { return Refuse(); }
  Work Broadcast(const Tensor&, int) override { return Refuse(); }
  Work AllGather(const Tensor&, const Tensor&, std::string_view) override { return Refuse(); }
  Work ReduceScatter(const Tensor&, const Tensor&, ReduceOp, std::string_view) override {
    return Refuse();
  }
  Work AllToAll(const Tensor&, const Tensor&) override { return Refuse(); }
  Work Send(const Tensor&, int, int) override { return Refuse(); }
  Work Recv(const Tensor&, int, int) override { return Refuse(); }
  void Barrier() override { Refuse(); }
  std::shared_ptr<ProcessGroup> Split(int) override { Fail("[FakeGroup] cannot be split"); }
  void Abort(const std::string&) noexcept override {}

 private:
  static Work Refuse() { Fail("[FakeGroup] does not communicate"); }

  int rank_;
  int size_;
};

struct FakeWorker {
  explicit FakeWorker(int rank = 0, int size = 1, Device device = {})
      : group(rank, size), worker(group, device) {}

  FakeGroup group;
  Worker worker;
};

}  // namespace convoy
