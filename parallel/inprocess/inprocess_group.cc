// The transport between threads of one process: collectives in shared memory.
#include "parallel/inprocess/inprocess_group.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/error.h"
#include "core/threads.h"

namespace convoy {
namespace {

constexpr int64_t kAll = std::numeric_limits<int64_t>::max();

// Chunks that are worth another thread's while.
constexpr int64_t kChunksPerThread = 4;

void CheckInput(CollectiveKind kind, const Tensor& tensor) {
  CONVOY_CHECK(tensor.defined(), "[{}] got an undefined tensor", Name(kind));
  CONVOY_CHECK(tensor.device().is_cpu(),
               "[{}] the in-process transport wants tensors in host memory, got one on {}",
               Name(kind), tensor.device().ToString());
}

void CheckReducible(CollectiveKind kind, const Tensor& tensor) {
  CheckInput(kind, tensor);
  CONVOY_CHECK(tensor.dtype() != DType::kBool,
               "[{}] wants numbers, got bool; cast to u8 and take the maximum or minimum",
               Name(kind));
}

void CheckOutput(CollectiveKind kind, const Tensor& input, const Tensor& output, int64_t numel) {
  CheckInput(kind, output);
  CONVOY_CHECK(output.dtype() == input.dtype() && output.numel() == numel,
               "[{}] input {} {} wants an output of {} elements, got {} {}", Name(kind),
               Name(input.dtype()), input.shape().ToString(), numel, Name(output.dtype()),
               output.shape().ToString());
}

void CheckDivisible(CollectiveKind kind, const Tensor& input, int size) {
  CONVOY_CHECK(input.numel() % size == 0,
               "[{}] input {} cannot be divided into {} equal parts, one per worker", Name(kind),
               input.shape().ToString(), size);
}

// With storage of their own: the caller's handle may be moved elsewhere meanwhile.
Request MakeRequest(CollectiveKind kind, const Tensor& input, const Tensor& output) {
  return {.kind = kind, .input = input.Detach(), .output = output.Detach()};
}

}  // namespace

// A collective as its user sees it; keeps the worker's end alive.
class InProcessGroup::Handle final : public Work::Impl {
 public:
  Handle(std::shared_ptr<InProcessGroup> group, std::shared_ptr<Collective> collective,
         CollectiveKind kind)
      : group_(std::move(group)), collective_(std::move(collective)), kind_(kind) {}

  void Wait() override { group_->Wait(*collective_, kind_); }
  bool Done() override {
    group_->hub_->ThrowIfAborted();
    group_->DoShares();
    return collective_->done();
  }
  double seconds() const override { return collective_->seconds(); }

 private:
  const std::shared_ptr<InProcessGroup> group_;
  const std::shared_ptr<Collective> collective_;
  const CollectiveKind kind_;
};

Work InProcessGroup::AllReduce(const Tensor& tensor, ReduceOp op) {
  CheckReducible(CollectiveKind::kAllReduce, tensor);
  Request request = MakeRequest(CollectiveKind::kAllReduce, tensor, tensor);
  request.op = op;
  return Start(std::move(request));
}

Work InProcessGroup::Broadcast(const Tensor& tensor, int root) {
  CheckInput(CollectiveKind::kBroadcast, tensor);
  CheckRank(CollectiveKind::kBroadcast, "root", root);
  Request request = MakeRequest(CollectiveKind::kBroadcast, tensor, tensor);
  request.root = root;
  return Start(std::move(request));
}

Work InProcessGroup::AllGather(const Tensor& input, const Tensor& output) {
  CheckInput(CollectiveKind::kAllGather, input);
  CheckOutput(CollectiveKind::kAllGather, input, output, input.numel() * size());
  return Start(MakeRequest(CollectiveKind::kAllGather, input, output));
}

Work InProcessGroup::ReduceScatter(const Tensor& input, const Tensor& output, ReduceOp op) {
  CheckReducible(CollectiveKind::kReduceScatter, input);
  CheckDivisible(CollectiveKind::kReduceScatter, input, size());
  CheckOutput(CollectiveKind::kReduceScatter, input, output, input.numel() / size());
  Request request = MakeRequest(CollectiveKind::kReduceScatter, input, output);
  request.op = op;
  return Start(std::move(request));
}

Work InProcessGroup::AllToAll(const Tensor& input, const Tensor& output) {
  CheckInput(CollectiveKind::kAllToAll, input);
  CheckDivisible(CollectiveKind::kAllToAll, input, size());
  CheckOutput(CollectiveKind::kAllToAll, input, output, input.numel());
  CONVOY_CHECK(size() == 1 || input.numel() == 0 || input.raw_data() != output.raw_data(),
               "[AllToAll] cannot work in place: input and output are the same memory");
  return Start(MakeRequest(CollectiveKind::kAllToAll, input, output));
}

Work InProcessGroup::Send(const Tensor& tensor, int destination, int tag) {
  CheckInput(CollectiveKind::kSend, tensor);
  CheckRank(CollectiveKind::kSend, "destination", destination);
  return StartMessage(rank_, destination, tag, MakeRequest(CollectiveKind::kSend, tensor, tensor));
}

Work InProcessGroup::Recv(const Tensor& tensor, int source, int tag) {
  CheckInput(CollectiveKind::kRecv, tensor);
  CheckRank(CollectiveKind::kRecv, "source", source);
  return StartMessage(source, rank_, tag, MakeRequest(CollectiveKind::kRecv, tensor, tensor));
}

void InProcessGroup::Barrier() { Start(Request()).Wait(); }

Work InProcessGroup::Start(Request request) {
  const CollectiveKind kind = request.kind;
  std::shared_ptr<Collective> collective = hub_->Join(rank_, std::move(request));
  pending_.push_back({collective});
  DoShares();
  return Work(std::make_shared<Handle>(shared_from_this(), std::move(collective), kind));
}

Work InProcessGroup::StartMessage(int source, int destination, int tag, Request request) {
  const CollectiveKind kind = request.kind;
  std::shared_ptr<Collective> message =
      hub_->JoinMessage(source, destination, tag, std::move(request));
  if (message->ready()) Help(*message, kAll);  // whoever comes second copies
  return Work(std::make_shared<Handle>(shared_from_this(), std::move(message), kind));
}

void InProcessGroup::Wait(Collective& collective, CollectiveKind kind) {
  while (true) {
    const uint32_t seen = hub_->event().Now();
    hub_->ThrowIfAborted();
    HelpUpTo(collective);
    if (collective.ready()) {
      Help(collective, kAll);
    } else {
      hub_->ThrowIfDeserted(collective, kind);
    }
    if (collective.done()) return;
    hub_->event().WaitPast(seen, Spins());
  }
}

void InProcessGroup::DoShares() {
  for (Pending& pending : pending_) {
    Collective& collective = *pending.collective;
    if (!collective.ready()) break;
    if (pending.share < 0) pending.share = (collective.chunks() + size() - 1) / size();
    Help(collective, std::exchange(pending.share, 0));
  }
  while (!pending_.empty() && pending_.front().collective->done()) pending_.pop_front();
}

void InProcessGroup::HelpUpTo(const Collective& last) {
  for (Pending& pending : pending_) {
    if (!pending.collective->ready()) break;
    Help(*pending.collective, kAll);
    if (pending.collective.get() == &last) break;
  }
  while (!pending_.empty() && pending_.front().collective->done()) pending_.pop_front();
}

void InProcessGroup::Help(Collective& collective, int64_t limit) {
  const int64_t chunks = std::min(limit, collective.unclaimed());
  ParallelFor(Device::Cpu(rank_), chunks, kChunksPerThread,
              [&](int64_t begin, int64_t end) { collective.Help(end - begin); });
}

bool InProcessGroup::Spins() { return size() * CpuTeam(rank_).size() <= AvailableCores(); }

void InProcessGroup::CheckRank(CollectiveKind kind, const char* what, int rank) const {
  CONVOY_CHECK(rank >= 0 && rank < size(), "[{}] {} {} is not one of the {} workers", Name(kind),
               what, rank, size());
}

std::vector<std::shared_ptr<InProcessGroup>> MakeInProcessGroups(int size) {
  CONVOY_CHECK(size >= 1, "[InProcessGroup] wants at least one worker, got {}", size);
  const auto hub = std::make_shared<Hub>(size);
  std::vector<std::shared_ptr<InProcessGroup>> groups;
  for (int rank = 0; rank < size; ++rank) {
    groups.push_back(std::make_shared<InProcessGroup>(hub, rank));
  }
  return groups;
}

}  // namespace convoy
