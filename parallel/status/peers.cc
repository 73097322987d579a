// The other workers of a run, seen from one of them: who is there, and who has failed.
#include "parallel/status/peers.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "parallel/group/rank_list.h"

namespace convoy::status {
namespace {

// Each StatusClient sends a heartbeat every second.
constexpr double kSilenceS = 2;
// How long the status page may take to explain a connection that breaks.
constexpr double kExplainSeconds = 2;

}  // namespace

Peers::Peers(const Membership& membership, const TransportTitle& transport)
    : membership_(membership),
      transport_(transport),
      is_subgroup_(false),
      workers_(static_cast<size_t>(membership.page->size())),
      rank_(membership.rank) {
  std::iota(workers_.begin(), workers_.end(), 0);
}

Peers::Peers(const Peers& of, const std::vector<int>& ranks)
    : membership_(of.membership_), transport_(of.transport_), is_subgroup_(true) {
  for (const int r : ranks) {
    if (r == of.rank()) rank_ = size();
    workers_.push_back(of.worker(r));
  }
}

void Peers::Throw() const { throw Error(page().failure()); }

void Peers::Fail(const std::string& reason) const noexcept {
  try {
    page().Fail(fmt::format("[worker {} of {}] {}", worker(), page().size(), reason));
  } catch (const std::exception&) {  // out of memory
    page().Fail(reason);
  }
}

void Peers::FailAndThrow(const std::string& reason) const {
  Fail(reason);
  Throw();
}

// Of all the run's workers: without one of them, the others of a subgroup cannot go on either.
std::string Peers::WhoDied() const {
  for (int r = 0; r < page().size(); ++r) {
    if (page().state(r) != StatusPage::State::kDead) continue;
    return fmt::format("worker {} {}", r, page().HowDied(r));
  }
  return {};
}

void Peers::Announce(uint64_t number, const CollectiveSignature& signature,
                     const std::string& what) const {
  ThrowIfFailed();
  if (is_subgroup()) return page().StartedInSubgroup(worker(), NameOf(number, what));
  page().Started(rank(), number, signature, what);
  if (!page().knows_all()) return;  // worker 0's process compares them
  for (int other = 0; other < size(); ++other) {
    const auto theirs = page().signature(other, number);
    if (!theirs || *theirs == signature) continue;
    const bool first = rank() < other;
    FailAndThrow(DescribeMismatch(number, std::min(rank(), other), first ? signature : *theirs, {},
                                  std::max(rank(), other), first ? *theirs : signature, {}));
  }
}

void Peers::Ready(uint64_t number) const {
  if (!is_subgroup()) page().Ready(worker(), number);
}

void Peers::AllTookPart(uint64_t number, const std::string& what) const {
  if (!is_subgroup()) page().AllTookPart(number, what);
}

std::string Peers::NameOf(uint64_t number, const std::string& what) const {
  return fmt::format("collective {}{}, {}", number, OfGroup(), what);
}

std::string Peers::OfGroup() const {
  return is_subgroup() ? " of the group of " + RankList(workers_) : std::string();
}

std::string Peers::WhyHopeless(uint64_t number, const std::string& what) const {
  if (const std::string died = WhoDied(); !died.empty()) {
    return fmt::format("[{}] {}; {} was under way", transport_.name, died, NameOf(number, what));
  }
  if (is_subgroup()) return {};
  for (int r = 0; r < size(); ++r) {
    if (page().state(r) != StatusPage::State::kFinished) continue;
    if (page().progress(r).started >= number) continue;
    return WhyWithout(r, number, what);
  }
  return {};
}

std::string Peers::WhyWithout(int r, uint64_t number, const std::string& what) const {
  return fmt::format(
      "[{}] worker {} has finished while others wait in {}; all workers must make the same calls",
      transport_.name, worker(r), NameOf(number, what));
}

bool Peers::IsSilent(int worker) const {
  const StatusPage::State state = page().state(worker);
  return state != StatusPage::State::kFinished && state != StatusPage::State::kDead &&
         page().progress(worker).seconds_unheard.value_or(0) > kSilenceS;
}

std::string Peers::Unheard() const {
  std::vector<int> silent;
  for (int r = 0; r < page().size(); ++r) {
    if (IsSilent(r)) silent.push_back(r);
  }
  if (silent.empty()) return {};
  return fmt::format("; nothing was heard of {} for {:.1f} s: stopped, or cut off",
                     RankList(silent), page().progress(silent.front()).seconds_unheard.value_or(0));
}

void Peers::AwaitReason(const std::function<std::string()>& find_reason) const {
  for (const Deadline deadline(kExplainSeconds); !failed() && !deadline.passed();) {
    if (const std::string reason = find_reason(); !reason.empty()) return Fail(reason);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void Peers::AwaitDeath() const {
  AwaitReason([this] {
    const std::string died = WhoDied();
    return died.empty() ? died : fmt::format("[{}] {}", transport_.name, died);
  });
}

void Peers::FailLate(uint64_t number, const std::string& what, double seconds) const {
  if (page().knows_all() || is_subgroup()) return Fail(WhyLate(number, what, seconds));
  if (!page().late(rank())) page().ReportLate(rank(), {number, what, seconds});
}

// What is known here; in a job, worker 0's report says what all were doing.
std::string Peers::WhyLateInSubgroup(uint64_t number, const std::string& what,
                                     double seconds) const {
  constexpr int kShown = 4;
  std::string text = fmt::format(
      "[{}] {}, has not ended within {:.1f} s; its workers do not all take part, or "
      "cannot reach each other",
      transport_.name, NameOf(number, what), seconds);
  if (!page().knows_all()) return text;
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
                                       transport_.name, number, what, seconds);
  std::vector<int> missing, computing;
  for (int r = 0; r < size(); ++r) {
    const StatusPage::Progress progress = page().progress(r);
    if (progress.started < number) {
      missing.push_back(r);
    } else if (progress.ready < number) {
      computing.push_back(r);
    }
  }
  const std::string unheard = Unheard();
  if (!missing.empty()) {
    const StatusPage::Progress progress = page().progress(missing.front());
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
      wait, transport_.network_hint);
}

std::string Peers::Report() const {
  constexpr size_t kShown = 16;
  std::vector<int> ranks(static_cast<size_t>(size()));
  std::iota(ranks.begin(), ranks.end(), 0);
  std::stable_sort(ranks.begin(), ranks.end(), [&](int a, int b) {
    return page().progress(a).started < page().progress(b).started;
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
  switch (page().state(worker)) {
    case StatusPage::State::kAbsent:
      return "has not joined";
    case StatusPage::State::kFinished:
      return "has finished";
    case StatusPage::State::kDead:
    case StatusPage::State::kJoined:
      break;
  }
  const StatusPage::Progress progress = page().progress(worker);
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
  if (page().state(worker) != StatusPage::State::kDead) return did;
  return fmt::format("{}; before, it {}", page().HowDied(worker), did);
}

// A collective that moves no data waits for nobody, and the root of a broadcast need not wait; so
// joining is checked here.
void JoinAndAwaitAll(const Peers& peers) {
  StatusPage& page = peers.page();
  page.set_state(peers.rank(), StatusPage::State::kJoined);
  const Deadline deadline(peers.timeout_s());
  while (true) {
    std::vector<int> here, missing;
    for (int r = 0; r < peers.size(); ++r) {
      (page.state(r) == StatusPage::State::kAbsent ? missing : here).push_back(r);
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

}  // namespace convoy::status
