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

void Peers::Throw() const { throw Error(board().failure()); }

void Peers::Fail(const std::string& reason) const noexcept {
  try {
    board().Fail(fmt::format("[worker {} of {}] {}", rank(), size(), reason));
  } catch (const std::exception&) {  // out of memory
    board().Fail(reason);
  }
}

void Peers::FailAndThrow(const std::string& reason) const {
  Fail(reason);
  Throw();
}

std::string Peers::WhoDied() const {
  for (int r = 0; r < size(); ++r) {
    if (board().state(r) != Board::State::kDead) continue;
    return fmt::format("worker {} {}", r, board().HowDied(r));
  }
  return {};
}

void Peers::Announce(uint64_t number, const CollectiveSignature& signature,
                     const std::string& what) const {
  ThrowIfFailed();
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

std::string Peers::WhyHopeless(uint64_t number, const std::string& what) const {
  if (const std::string died = WhoDied(); !died.empty()) {
    return fmt::format("[{}] {}; collective {}, {}, waits for it", transport_, died, number, what);
  }
  for (int r = 0; r < size(); ++r) {
    if (board().state(r) != Board::State::kFinished) continue;
    if (board().progress(r).started >= number) continue;
    return fmt::format(
        "[{}] worker {} has finished while others wait in collective {}, {}; all workers must "
        "make the same calls",
        transport_, r, number, what);
  }
  return {};
}

bool Peers::IsSilent(int r) const {
  const Board::State state = board().state(r);
  return state != Board::State::kFinished && state != Board::State::kDead &&
         board().progress(r).seconds_unheard.value_or(0) > kSilenceS;
}

std::string Peers::Unheard() const {
  std::vector<int> silent;
  for (int r = 0; r < size(); ++r) {
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
  if (board().knows_all()) return Fail(WhyLate(number, what, seconds));
  if (!board().late(rank())) board().ReportLate(rank(), {number, what, seconds});
}

std::string Peers::WhyLate(uint64_t number, const std::string& what, double seconds) const {
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

std::string Peers::Describe(int r) const {
  switch (board().state(r)) {
    case Board::State::kAbsent:
      return "has not joined";
    case Board::State::kFinished:
      return "has finished";
    case Board::State::kDead:
    case Board::State::kJoined:
      break;
  }
  const Board::Progress progress = board().progress(r);
  const std::string did =
      progress.started == 0
          ? "has started no collective"
          : fmt::format("{} collective {}, {}, {:.1f} s ago",
                        progress.ready < progress.started ? "was to take part in" : "has started",
                        progress.started, progress.what, progress.seconds_since);
  if (IsSilent(r)) {
    return fmt::format("{}; nothing was heard of its process for {:.1f} s", did,
                       progress.seconds_unheard.value_or(0));
  }
  if (board().state(r) != Board::State::kDead) return did;
  return fmt::format("{}; before, it {}", board().HowDied(r), did);
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
