// Clocks that differ, on three workers: what each has to add to its own to have worker 0's.
#include "parallel/profile/clock_offset.h"

#include <catch2/catch.hpp>
#include <mutex>
#include <vector>

#include "tests/parallel/workers.h"

namespace convoy {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

/// A worker's end of a group, on a machine whose clock is `ahead` of worker 0's: the times that it
/// sends are those of that clock.
class OnOtherMachine final : public ProcessGroup {
 public:
  OnOtherMachine(ProcessGroup& group, nanoseconds ahead) : group_(group), ahead_(ahead) {}

  int rank() const override { return group_.rank(); }
  int size() const override { return group_.size(); }
  std::string name() const override { return group_.name(); }
  Work AllReduce(const Tensor& tensor, ReduceOp op, std::string_view what) override {
    return group_.AllReduce(tensor, op, what);
  }
  Work Broadcast(const Tensor& tensor, int root) override { return group_.Broadcast(tensor, root); }
  Work AllGather(const Tensor& input, const Tensor& output, std::string_view) override {
    return group_.AllGather(input, output);
  }
  Work ReduceScatter(const Tensor& input, const Tensor& output, ReduceOp op,
                     std::string_view) override {
    return group_.ReduceScatter(input, output, op);
  }
  Work AllToAll(const Tensor& input, const Tensor& output) override {
    return group_.AllToAll(input, output);
  }
  Work Send(const Tensor& tensor, int destination, int tag) override {
    if (rank() != 0) {
      tensor.CopyFrom(
          Tensor::From<int64_t>({1}, {tensor.Item<int64_t>() + ahead_.count()}, tensor.device()));
    }
    return group_.Send(tensor, destination, tag);
  }
  Work Recv(const Tensor& tensor, int source, int tag) override {
    return group_.Recv(tensor, source, tag);
  }
  void Barrier() override { group_.Barrier(); }
  std::shared_ptr<ProcessGroup> Split(int color) override { return group_.Split(color); }
  void Abort(const std::string& reason) noexcept override { group_.Abort(reason); }

 private:
  ProcessGroup& group_;
  const nanoseconds ahead_;
};

std::vector<nanoseconds> OffsetsOf(const std::vector<nanoseconds>& ahead) {
  std::mutex mutex;
  std::vector<nanoseconds> offsets(ahead.size());
  RunWorkers(static_cast<int>(ahead.size()), [&](Worker& worker) {
    const size_t rank = static_cast<size_t>(worker.rank());
    OnOtherMachine group(worker.group(), ahead[rank]);
    Worker there(group, worker.device());
    const nanoseconds offset = ClockOffset(there);
    const std::lock_guard lock(mutex);
    offsets[rank] = offset;
  });
  return offsets;
}

TEST_CASE("Every worker learns its own offset: what leads from its clock to worker 0's") {
  const std::vector<nanoseconds> offsets =
      OffsetsOf({seconds(0), seconds(1000), seconds(-500), seconds(70)});
  const auto in_seconds = [&](size_t rank) {
    return static_cast<double>(offsets[rank].count()) / 1e9;
  };
  CHECK(offsets[0] == nanoseconds(0));
  // Right within half a round trip, for which a busy machine may take a while.
  CHECK(in_seconds(1) == Approx(-1000).margin(5));
  CHECK(in_seconds(2) == Approx(500).margin(5));
  CHECK(in_seconds(3) == Approx(-70).margin(5));
}

TEST_CASE("Workers of one machine have one clock, exactly") {
  CHECK(OffsetsOf(std::vector<nanoseconds>(3)) == std::vector<nanoseconds>(3));
}

}  // namespace
}  // namespace convoy
