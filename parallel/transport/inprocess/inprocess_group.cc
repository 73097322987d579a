// The transport between threads of one process: collectives in shared memory.
#include "parallel/transport/inprocess/inprocess_group.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/base/cores.h"
#include "core/base/error.h"
#include "core/threads.h"

namespace convoy::transport {
namespace {

constexpr int64_t kAll = std::numeric_limits<int64_t>::max();

// Chunks that are worth another thread's while.
constexpr int64_t kChunksPerThread = 4;
// How often a waiter that is woken again and again goes without the matcher's lock.
constexpr int kRoundsWithoutLock = 256;

}  // namespace

// A collective as its user sees it; keeps the worker's end alive.
class InProcessGroup::Handle final : public Work::Impl {
 public:
  Handle(std::shared_ptr<InProcessGroup> group, std::shared_ptr<Collective> collective,
         CollectiveKind kind)
      : group_(std::move(group)), collective_(std::move(collective)), kind_(kind) {}

  void Wait() override { group_->Wait(*collective_, kind_); }
  bool Done() override {
    group_->matcher_->ThrowIfAborted();
    group_->DoShares();
    return collective_->done();
  }
  WorkTimes times() const override { return collective_->times(); }

 private:
  const std::shared_ptr<InProcessGroup> group_;
  const std::shared_ptr<Collective> collective_;
  const CollectiveKind kind_;
};

void InProcessGroup::CheckMemory(CollectiveKind kind, const Tensor& tensor) const {
  CONVOY_CHECK(tensor.device().is_cpu(),
               "[{}] the in-process transport wants tensors in host memory, got one on {}",
               Name(kind), tensor.device().ToString());
}

// Joins, then does this worker's share of whatever is ready.
Work InProcessGroup::Start(const CollectiveCall& call) {
  if (call.kind == CollectiveKind::kSend || call.kind == CollectiveKind::kRecv) {
    return StartMessage(call);
  }
  std::shared_ptr<Collective> collective = matcher_->Join(rank_, call);
  pending_.push_back({collective, call.id});
  DoShares();
  return Work(std::make_shared<Handle>(shared_from_this(), std::move(collective), call.kind));
}

Work InProcessGroup::StartMessage(const CollectiveCall& call) {
  const bool sends = call.kind == CollectiveKind::kSend;
  std::shared_ptr<Collective> message =
      matcher_->JoinMessage(sends ? rank_ : call.root, sends ? call.root : rank_, call.tag, call);
  if (message->ready()) Help(*message, kAll);  // the side that comes second copies
  messages_.push_back({message, call.id});
  DropDone(messages_);
  return Work(std::make_shared<Handle>(shared_from_this(), std::move(message), call.kind));
}

std::shared_ptr<CheckedGroup> InProcessGroup::MakeSubgroup(uint64_t number, int color,
                                                           const std::vector<int>& ranks) {
  if (ranks.empty()) return nullptr;
  const auto place = std::find(ranks.begin(), ranks.end(), rank_) - ranks.begin();
  return std::make_shared<InProcessGroup>(matcher_->Subgroup(number, color, ranks),
                                          static_cast<int>(place));
}

void InProcessGroup::Wait(Collective& collective, CollectiveKind kind) {
  for (int round = 1;; ++round) {
    const uint32_t seen = matcher_->event().Now();
    matcher_->ThrowIfAborted();
    HelpUpTo(collective);
    if (collective.ready()) Help(collective, kAll);
    if (collective.done()) return;
    // The lock that ThrowIfDeserted takes is the one that others need to join: it is taken before
    // going to sleep and, since others may signal the event again and again, now and then.
    const bool spun = Spins() && matcher_->event().SpinPast(seen);
    if (spun && round % kRoundsWithoutLock != 0) continue;
    if (!collective.ready()) matcher_->ThrowIfDeserted(collective, kind);
    if (!spun) matcher_->event().WaitPast(seen);
  }
}

void InProcessGroup::DoShares() {
  for (Pending& pending : pending_) {
    Collective& collective = *pending.collective;
    if (!collective.ready()) break;
    if (pending.share < 0) {
      Note(pending);
      pending.share = (collective.chunks() + size() - 1) / size();
    }
    Help(collective, std::exchange(pending.share, 0));
  }
  DropDone(pending_);
}

void InProcessGroup::Note(const Pending& pending) {
  const Collective& collective = *pending.collective;
  if (collective.ready()) records().Started(pending.id, collective.start());
  if (collective.done()) records().Done(pending.id, collective.end());
}

void InProcessGroup::DropDone(std::deque<Pending>& of) {
  while (!of.empty() && of.front().collective->done()) {
    Note(of.front());
    of.pop_front();
  }
}

void InProcessGroup::UpdateRecords() {
  for (const Pending& pending : pending_) Note(pending);
  for (const Pending& message : messages_) Note(message);
}

void InProcessGroup::HelpUpTo(const Collective& last) {
  for (Pending& pending : pending_) {
    if (!pending.collective->ready()) break;
    Help(*pending.collective, kAll);
    if (pending.collective.get() == &last) break;
  }
  DropDone(pending_);
}

void InProcessGroup::Help(Collective& collective, int64_t limit) {
  const int64_t chunks = std::min(limit, collective.unclaimed());
  ParallelFor(device(), chunks, kChunksPerThread,
              [&](int64_t begin, int64_t end) { collective.Help(end - begin); });
}

bool InProcessGroup::Spins() {
  if (!spins_) {
    const int threads = matcher_->workers_of_run() * CpuTeam(matcher_->worker(rank_)).size();
    spins_ = threads <= AvailableCores();
  }
  return *spins_;
}

std::vector<std::shared_ptr<InProcessGroup>> MakeInProcessGroups(
    std::shared_ptr<status::RunStatus> run) {
  const int size = run->workers();
  const auto matcher = std::make_shared<CallMatcher>(std::move(run));
  std::vector<std::shared_ptr<InProcessGroup>> groups;
  for (int rank = 0; rank < size; ++rank) {
    groups.push_back(std::make_shared<InProcessGroup>(matcher, rank));
  }
  return groups;
}

std::vector<std::shared_ptr<InProcessGroup>> MakeInProcessGroups(int size) {
  CONVOY_CHECK(size >= 1, "[InProcessGroup] wants at least one worker, got {}", size);
  return MakeInProcessGroups(std::make_shared<status::RunStatus>(status::StatusPage::Make(size)));
}

}  // namespace convoy::transport
