// The other workers of a run, seen from one of them: who is there, and who has failed.
#include "parallel/peers.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <string_view>
#include <thread>
#include <vector>

#include "core/error.h"
#include "parallel/rank_list.h"

namespace convoy {
namespace {

// Links say every second that their process runs.
constexpr double kSilenceS = 2;
// How long the board may take to explain a connection that breaks.
constexpr double kExplainSeconds = 2;

}  // namespace

Peers::Peers(const Seat& seat, const char* transport)
    : seat_(seat),
      transport_(transport),
      is_subgroup_(false),
      workers_(static_cast<size_t>(seat.board->size())),
      rank_(seat.rank) {
  std::iota(workers_.begin(), workers_.end(), 0);
}

Peers::Peers(const Peers& of, const std::vector<int>& ranks)
    : seat_(of.seat_), transport_(of.transport_), is_subgroup_(true) {
  for (const int r : ranks) {
    if (r == of.rank()) rank_ = size();
    workers_.push_back(of.worker(r));
  }
}

void Peers::Throw() const { throw Error(board().failure()); }

void Peers::Fail(const std::string& reason) const noexcept {
  try {
    board().Fail(fmt::format("[worker {} of {}] {}", worker(), board().size(), reason));
  } catch (const std::exception&) {  // out of memory
    board().Fail(reason);
  }
}

void Peers::FailAndThrow(const std::string& reason) const {
  Fail(reason);
  Throw();
}

// Of all the run's workers: without one of them, the others of a subgroup cannot go on either.
std::string Peers::WhoDied() const {
  for (int r = 0; r < board().size(); ++r) {
    if (board().state(r) != Board::State::kDead) continue;
    return fmt::format("worker {} {}", r, board().HowDied(r));
  }
  return {};
}

void Peers::Announce(uint64_t number, const CollectiveSignature& signature,
                     const std::string& what) const {
  ThrowIfFailed();
  if (is_subgroup()) return board().StartedInSubgroup(worker(), NameOf(number, what));
  board().Started(rank(), number, signature, what);
  if (!board().knows_all()) return;  // worker 0's process compares them
  for (int other = 0; other < size(); ++other) {
    const auto theirs = board().signature(other, number);
    if (!theirs || *theirs == signature) continue;
    const bool first = rank() < other;
    FailAndThrow(DescribeMismatch(number, std::min(rank(), other), first ? signature : *theirs, {},
                                  std::max(rank(), other), first ? *theirs : signature, {}));
  }
}

void Peers::Ready(uint64_t number) const {
  if (!is_subgroup()) board().Ready(worker(), number);
}

void Peers::AllTookPart(uint64_t number, const std::string& what) const {
  if (!is_subgroup()) board().AllTookPart(number, what);
}

std::string Peers::NameOf(uint64_t number, const std::string& what) const {
  return fmt::format("collective {}{}, {}", number, OfGroup(), what);
}

std::string Peers::OfGroup() const {
  return is_subgroup() ? " of the group of " + RankList(workers_) : std::string();
}

std::string Peers::WhyHopeless(uint64_t number, const std::string& what) const {
  if (const std::string died = WhoDied(); !died.empty()) {
    return fmt::format("[{}] {}; {} was under way", transport_, died, NameOf(number, what));
  }
  if (is_subgroup()) return {};
  for (int r = 0; r < size(); ++r) {
    if (board().state(r) != Board::State::kFinished) continue;
    if (board().progress(r).started >= number) continue;
    return WhyWithout(r, number, what);
  }
  return {};
}

std::string Peers::WhyWithout(int r, uint64_t number, const std::string& what) const {
  return fmt::format(
      "[{}] worker {} has finished while others wait in {}; all workers must make the same calls",
      transport_, worker(r), NameOf(number, what));
}

bool Peers::IsSilent(int worker) const {
  const Board::State state = board().state(worker);
  return state != Board::State::kFinished && state != Board::State::kDead &&
         board().progress(worker).seconds_unheard.value_or(0) > kSilenceS;
}

std::string Peers::Unheard() const {
  std::vector<int> silent;
  for (int r = 0; r < board().size(); ++r) {
    if (IsSilent(r)) silent.push_back(r);
  }
  if (silent.empty()) return {};
  return fmt::format("; nothing was heard of {} for {:.1f} s: stopped, or cut off",
                     RankList(silent),
                     board().progress(silent.front()).seconds_unheard.value_or(0));
}

void Peers::AwaitDeath() const {
  for (const Deadline deadline(kExplainSeconds); !failed() && !deadline.passed();) {
    if (const std::string died = WhoDied(); !died.empty()) {
      return Fail(fmt::format("[{}] {}", transport_, died));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void Peers::FailLate(uint64_t number, const std::string& what, double seconds) const {
  if (board().knows_all() || is_subgroup()) return Fail(WhyLate(number, what, seconds));
  if (!board().late(rank())) board().ReportLate(rank(), {number, what, seconds});
}

// What is known here; in a job, worker 0's report says what all were doing.
std::string Peers::WhyLateInSubgroup(uint64_t number, const std::string& what,
                                     double seconds) const {
  constexpr int kShown = 4;
  std::string text = fmt::format(
      "[{}] {}, has not ended within {:.1f} s; its workers do not all take part, or "
      "cannot reach each other",
      transport_, NameOf(number, what), seconds);
  if (!board().knows_all()) return text;
  int shown = 0;
  for (const int other : workers_) {
    if (other == worker() || ++shown > kShown) continue;
    text += fmt::format("; worker {} {}", other, Describe(other));
  }
  return text;
}

std::string Peers::WhyLate(uint64_t number, const std::string& what, double seconds) const {
  if (is_subgroup()) return WhyLateInSubgroup(number, what, seconds);
  const std::string wait = fmt::format("[{}] collective {}, {}, has not ended within {:.1f} s",
                                       transport_, number, what, seconds);
  std::vector<int> missing, computing;
  for (int r = 0; r < size(); ++r) {
    const Board::Progress progress = board().progress(r);
    if (progress.started < number) {
      missing.push_back(r);
    } else if (progress.ready < number) {
      computing.push_back(r);
    }
  }
  const std::string unheard = Unheard();
  if (!missing.empty()) {
    const Board::Progress progress = board().progress(missing.front());
    const std::string last =
        progress.started == 0
            ? "has started none"
            : fmt::format("was last seen in {}, {}, {:.1f} s ago", progress.started, progress.what,
                          progress.seconds_since);
    return fmt::format("{}: {} {} missing; worker {} {}{}", wait, RankList(missing),
                       missing.size() == 1 ? "is" : "are", missing.front(), last, unheard);
  }
  if (!computing.empty()) {
    return fmt::format("{}: {} {} not computed {} part{}", wait, RankList(computing),
                       computing.size() == 1 ? "has" : "have",
                       computing.size() == 1 ? "its" : "their", unheard);
  }
  if (!unheard.empty()) return wait + unheard;
  return fmt::format(
      "{}: all workers are there and have computed their parts, so they cannot reach each other; "
      "look at the network between them{}",
      wait, std::string_view(transport_) == "NCCL" ? "; NCCL_DEBUG=INFO tells more" : "");
}

std::string Peers::Report() const {
  constexpr size_t kShown = 16;
  std::vector<int> ranks(static_cast<size_t>(size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  std::stable_sort(ranks.begin(), ranks.end(), [&](int a, int b) {
    return board().progress(a).started < board().progress(b).started;
  });
  const size_t shown = std::min(ranks.size(), kShown);
  std::sort(ranks.begin(), ranks.begin() + static_cast<ptrdiff_t>(shown));
  std::string text;
  for (size_t i = 0; i < shown; ++i) {
    text += fmt::format("\n  worker {}: {}", ranks[i], Describe(ranks[i]));
  }
  if (ranks.size() > shown) {
    text += fmt::format("\n  and {} workers that have come further", ranks.size() - shown);
  }
  return text;
}

std::string Peers::Describe(int worker) const {
  switch (board().state(worker)) {
    case Board::State::kAbsent:
      return "has not joined";
    case Board::State::kFinished:
      return "has finished";
    case Board::State::kDead:
    case Board::State::kJoined:
      break;
  }
  const Board::Progress progress = board().progress(worker);
  std::string did =
      progress.started == 0
          ? "has started no collective"
          : fmt::format("{} collective {}, {}, {:.1f} s ago",
                        progress.ready < progress.started ? "was to take part in" : "has started",
                        progress.started, progress.what, progress.seconds_since);
  if (!progress.in_subgroup.empty()) {
    did +=
        fmt::format("; {}, {:.1f} s ago", progress.in_subgroup, progress.in_subgroup_seconds_since);
  }
  if (IsSilent(worker)) {
    return fmt::format("{}; nothing was heard of its process for {:.1f} s", did,
                       progress.seconds_unheard.value_or(0));
  }
  if (board().state(worker) != Board::State::kDead) return did;
  return fmt::format("{}; before, it {}", board().HowDied(worker), did);
}

// Where nothing is moved nobody waits, and the root of a broadcast need not wait for the others.
bool NeedsAll(const CollectiveCall& call) {
  switch (call.kind) {
    case CollectiveKind::kBarrier:
      return true;
    case CollectiveKind::kAllReduce:
    case CollectiveKind::kReduceScatter:
    case CollectiveKind::kAllGather:
    case CollectiveKind::kAllToAll:
      return call.input.defined() && call.input.numel() > 0;
    default:
      return false;
  }
}

std::string DescribeCall(const CollectiveCall& call) {
  std::string text(Name(call.kind));
  if (call.input.defined()) {
    text += fmt::format(" of {} {} ({:.1f} KiB)", Name(call.input.dtype()), call.input.numel(),
                        static_cast<double>(call.input.bytes()) / 1024);
  }
  return call.what.empty() ? text : fmt::format("{}, {}", call.what, text);
}

void Meet(const Peers& peers) {
  Board& board = peers.board();
  board.set_state(peers.rank(), Board::State::kJoined);
  const Deadline deadline(peers.timeout_s());
  while (true) {
    std::vector<int> here, missing;
    for (int r = 0; r < peers.size(); ++r) {
      (board.state(r) == Board::State::kAbsent ? missing : here).push_back(r);
    }
    peers.ThrowIfFailed();
    if (const std::string died = peers.WhoDied(); !died.empty()) {
      peers.FailAndThrow(fmt::format("[{}] {} before all had joined", peers.transport(), died));
    }
    if (missing.empty()) return;
    if (deadline.passed()) {
      peers.FailAndThrow(fmt::format("[{}] {} {} not joined within {:.1f} s; {} {}",
                                     peers.transport(), RankList(missing),
                                     missing.size() == 1 ? "has" : "have", deadline.elapsed_s(),
                                     RankList(here), here.size() == 1 ? "has" : "have"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace convoy
