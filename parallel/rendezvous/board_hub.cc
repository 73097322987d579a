// Worker 0's end of all BoardLinks: what the others report comes onto its board.
#include "parallel/rendezvous/board_hub.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "parallel/collective_call.h"

namespace convoy {
namespace {

constexpr std::chrono::milliseconds kLook{20};  // at the board, for what is to be told
constexpr std::chrono::seconds kAlive{1};       // where there is nothing to tell
constexpr size_t kRemembered = 1024;            // collectives

}  // namespace

BoardHub::BoardHub(std::shared_ptr<Board> board)
    : board_(std::move(board)),
      links_(static_cast<size_t>(board_->size())),
      told_(links_.size(), Board::State::kAbsent),
      given_(kRemembered) {
  links_[0].process = ProcessName::Own();
}

void BoardHub::set_why_late(WhyLate why_late) {
  const std::lock_guard lock(why_late_mutex_);
  why_late_ = std::move(why_late);
}

std::vector<int> BoardHub::Missing() const {
  const std::lock_guard lock(mutex_);
  std::vector<int> missing;
  for (size_t rank = 0; rank < links_.size(); ++rank) {
    if (!links_[rank].process) missing.push_back(static_cast<int>(rank));
  }
  return missing;
}

std::string BoardHub::local_host(int rank) const {
  const std::lock_guard lock(mutex_);
  return links_[static_cast<size_t>(rank)].local_host;
}

bool BoardHub::MayEnd() const {
  return std::all_of(links_.begin(), links_.end(),
                     [](const Link& link) { return link.peer == nullptr; });
}

// The run could go on for a while, but nobody would notice any more who is missing or dead.
void BoardHub::Broken(const std::string& why) {
  board_->Fail(
      fmt::format("[worker 0 of {}] [Store] the server through which the workers find each "
                  "other has broken down: {}",
                  board_->size(), why));
  Tell(BoardFailure{board_->failure()});
}

bool BoardHub::Received(Peer& peer, std::string_view body) {
  const std::optional<BoardMessage> message = ParseBoardMessage(body);
  if (!message) return false;
  next_ = TimePoint{};  // it may be news for the others
  const int rank = peer.rank();
  const bool joined =
      rank > 0 && rank < board_->size() && links_[static_cast<size_t>(rank)].peer == &peer;
  if (const auto* join = std::get_if<BoardJoin>(&*message)) return !joined && Join(peer, *join);
  if (!joined) return false;
  board_->Heard(rank);
  if (const auto* update = std::get_if<BoardUpdate>(&*message)) {
    Update(rank, *update);
  } else if (const auto* failure = std::get_if<BoardFailure>(&*message)) {
    board_->Fail(failure->text);
  } else if (const auto* late = std::get_if<BoardLate>(&*message)) {
    Late(rank, late->late);
  } else {
    return false;
  }
  return true;
}

// Why this worker cannot take part; empty if it can.
std::string BoardHub::WhyNot(int rank, const BoardJoin& join) const {
  const int size = board_->size();
  if (join.size != size) {
    return fmt::format(
        "[Meet] worker 0 ({}) was started as one of {}, worker {} ({}) as one of {}; all must say "
        "the same",
        links_[0].process->ToString(), size, rank, join.process.ToString(), join.size);
  }
  if (rank < 0 || rank >= size) {
    return fmt::format("[Meet] {} was started as worker {} of {}: expected 0 to {}",
                       join.process.ToString(), rank, size, size - 1);
  }
  if (const auto& other = links_[static_cast<size_t>(rank)].process) {
    return fmt::format(
        "[Meet] rank {} is taken twice: by {} and by {}; two jobs that meet at the same place need "
        "different ones",
        rank, other->ToString(), join.process.ToString());
  }
  return {};
}

bool BoardHub::Join(Peer& peer, const BoardJoin& join) {
  const int rank = peer.rank();
  if (const std::string why_not = WhyNot(rank, join); !why_not.empty()) {
    // A run that is complete need not suffer from a stranger, which may be early for the next one.
    // One that is not would wait in vain.
    const bool complete = joined_ == board_->size();
    if (!complete) board_->Fail(why_not);
    peer.Send(Frame(BoardRefusal{.text = why_not, .later = complete}));
    peer.CloseWhenSent();
    return true;
  }
  {
    const std::lock_guard lock(mutex_);
    links_[static_cast<size_t>(rank)] = {
        .peer = &peer, .process = join.process, .local_host = peer.local_host()};
    ++joined_;
  }
  board_->Heard(rank);
  BoardStates states;
  for (int r = 0; r < board_->size(); ++r) {
    if (told_[static_cast<size_t>(r)] == Board::State::kAbsent) continue;
    states.entries.push_back(EntryOf(r));
  }
  peer.Send(Frame(states));
  if (told_address_) {
    BoardAddress address;
    board_->Read(address.bytes.data());
    peer.Send(Frame(address));
  }
  if (told_failure_) peer.Send(Frame(BoardFailure{board_->failure()}));
  if (told_report_) peer.Send(Frame(BoardReport{}));
  if (joined_ == board_->size()) Tell(BoardComplete{});
  return true;
}

void BoardHub::Update(int rank, const BoardUpdate& update) {
  for (const auto& [number, signature] : update.started) {
    Compare(rank, number, signature);
    board_->Started(rank, number, signature, update.what);
  }
  board_->Ready(rank, update.ready);
  if (!update.in_subgroup.empty()) board_->StartedInSubgroup(rank, update.in_subgroup);
  if (update.state != board_->state(rank)) board_->set_state(rank, update.state);
}

void BoardHub::Late(int rank, const Board::Late& late) {
  const std::lock_guard lock(why_late_mutex_);
  const std::string why = why_late_
                              ? why_late_(late.number, late.what, late.seconds)
                              : fmt::format("collective {}, {}, has not ended within {:.1f} s",
                                            late.number, late.what, late.seconds);
  board_->Fail(fmt::format("[worker {} of {}] {}", rank, board_->size(), why));
}

void BoardHub::Compare(int rank, uint64_t number, const CollectiveSignature& signature) {
  Given& given = given_[number % kRemembered];
  if (given.number < number) given = {number, rank, signature};
  if (given.number > number || given.signature == signature) return;
  const Given now{number, rank, signature};
  const auto& [a, b] = rank < given.rank ? std::pair{now, given} : std::pair{given, now};
  board_->Fail(DescribeMismatch(number, a.rank, a.signature, {}, b.rank, b.signature, {}));
}

void BoardHub::CompareOwn() {
  const uint64_t started = board_->started(0);
  // What it has started long ago is not there any more.
  if (started > compared_ + kRemembered) compared_ = started - kRemembered;
  while (compared_ < started) {
    ++compared_;
    if (const auto own = board_->signature(0, compared_)) Compare(0, compared_, *own);
  }
}

BoardStates::Entry BoardHub::EntryOf(int rank) const {
  BoardStates::Entry entry{.rank = rank, .state = board_->state(rank)};
  entry.started = board_->started(rank);
  if (entry.state == Board::State::kDead) entry.how_died = board_->HowDied(rank);
  return entry;
}

void BoardHub::Tell(const BoardMessage& message) {
  const std::string frame = Frame(message);
  for (const Link& link : links_) {
    if (link.peer != nullptr) link.peer->Send(frame);
  }
}

void BoardHub::Tick(TimePoint now) {
  next_ = now + kLook;
  CompareOwn();
  BoardStates states;
  for (int rank = 0; rank < board_->size(); ++rank) {
    Board::State& told = told_[static_cast<size_t>(rank)];
    if (board_->state(rank) == told) continue;
    states.entries.push_back(EntryOf(rank));
    told = states.entries.back().state;
  }
  if (!states.entries.empty() || now - told_at_ >= kAlive) {
    Tell(states);
    told_at_ = now;
  }
  BoardAddress address;
  if (!told_address_ && board_->Read(address.bytes.data())) {
    told_address_ = true;
    Tell(address);
  }
  if (!told_failure_ && board_->failed()) {
    told_failure_ = true;
    Tell(BoardFailure{board_->failure()});
  }
  if (!told_report_ && told_failure_ && will_report_) {
    told_report_ = true;
    Tell(BoardReport{});
  }
}

void BoardHub::Closed(Peer& peer, const std::string& why) {
  const auto link =
      std::find_if(links_.begin(), links_.end(), [&](const Link& it) { return it.peer == &peer; });
  if (link == links_.end()) return;
  link->peer = nullptr;
  next_ = TimePoint{};
  const int rank = static_cast<int>(link - links_.begin());
  if (board_->state(rank) == Board::State::kFinished || board_->failed()) return;
  board_->SetDead(rank, "has gone: " + why);
}

}  // namespace convoy
