// The other workers of a run on GPUs, seen from one of them: who is there, and who has failed.
#include "parallel/nccl/peers.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>
#include <vector>

#include "core/error.h"

namespace convoy::nccl {
namespace {

// "worker 2", "workers 0, 1, 3"
std::string List(const std::vector<int>& ranks) {
  return fmt::format("worker{} {}", ranks.size() == 1 ? "" : "s", fmt::join(ranks, ", "));
}

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

std::string Peers::WhyHopeless(uint64_t number, const std::string& what) const {
  if (const std::string died = WhoDied(); !died.empty()) {
    return fmt::format("[NCCL] {}; collective {}, {}, waits for it", died, number, what);
  }
  for (int r = 0; r < size(); ++r) {
    if (board().state(r) != Board::State::kFinished) continue;
    if (board().progress(r).started >= number) continue;
    return fmt::format(
        "[NCCL] worker {} has finished while others wait in collective {}, {}; all workers must "
        "make the same calls",
        r, number, what);
  }
  return {};
}

std::string Peers::WhyLate(uint64_t number, const std::string& what, double seconds) const {
  const std::string wait =
      fmt::format("[NCCL] collective {}, {}, has not ended within {:.1f} s", number, what, seconds);
  std::vector<int> missing, computing;
  for (int r = 0; r < size(); ++r) {
    const Board::Progress progress = board().progress(r);
    if (progress.started < number) {
      missing.push_back(r);
    } else if (progress.ready < number) {
      computing.push_back(r);
    }
  }
  if (!missing.empty()) {
    const Board::Progress progress = board().progress(missing.front());
    const std::string last =
        progress.started == 0
            ? "has started none"
            : fmt::format("was last seen in {}, {}, {:.1f} s ago", progress.started, progress.what,
                          progress.seconds_since);
    return fmt::format("{}: {} {} missing; worker {} {}", wait, List(missing),
                       missing.size() == 1 ? "is" : "are", missing.front(), last);
  }
  if (!computing.empty()) {
    return fmt::format("{}: the device of {} has not computed its part", wait, List(computing));
  }
  return fmt::format(
      "{}: all workers are there and have computed their parts, so the devices "
      "cannot reach each other; NCCL_DEBUG=INFO tells more",
      wait);
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
      peers.FailAndThrow(fmt::format("[NCCL] {} before all had joined", died));
    }
    if (missing.empty()) return;
    if (deadline.passed()) {
      peers.FailAndThrow(fmt::format("[NCCL] {} {} not joined within {:.1f} s; {} {}",
                                     List(missing), missing.size() == 1 ? "has" : "have",
                                     deadline.elapsed_s(), List(here),
                                     here.size() == 1 ? "has" : "have"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace convoy::nccl
