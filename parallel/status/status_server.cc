// Worker 0's end of all StatusClients: what the others report comes onto its status page.
#include "parallel/status/status_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "parallel/group/signature.h"

namespace convoy::status {
namespace {

constexpr std::chrono::milliseconds kLook{20};  // at the status page, for what is to be told
constexpr std::chrono::seconds kAlive{1};       // where there is nothing to tell
constexpr size_t kComparedAtOnce = 1024;        // collectives

}  // namespace

StatusServer::StatusServer(std::shared_ptr<StatusPage> page)
    : page_(std::move(page)),
      links_(static_cast<size_t>(page_->size())),
      told_(links_.size(), StatusPage::State::kAbsent),
      given_(kComparedAtOnce) {
  links_[0].process = ProcessName::Own();
}

void StatusServer::set_why_late(WhyLate why_late) {
  const std::lock_guard lock(why_late_mutex_);
  why_late_ = std::move(why_late);
}

std::vector<int> StatusServer::Missing() const {
  const std::lock_guard lock(mutex_);
  std::vector<int> missing;
  for (size_t rank = 0; rank < links_.size(); ++rank) {
    if (!links_[rank].process) missing.push_back(static_cast<int>(rank));
  }
  return missing;
}

std::string StatusServer::local_host(int rank) const {
  const std::lock_guard lock(mutex_);
  return links_[static_cast<size_t>(rank)].local_host;
}

bool StatusServer::MayEnd() const {
  return std::all_of(links_.begin(), links_.end(),
                     [](const Link& link) { return link.peer == nullptr; });
}

// The run could go on for a while, but nobody would notice any more who is missing or dead.
void StatusServer::OnServerFailure(const std::string& why) {
  page_->Fail(
      fmt::format("[worker 0 of {}] [Store] the server through which the workers find each "
                  "other has broken down: {}",
                  page_->size(), why));
  Tell(StatusFailure{page_->failure()});
}

bool StatusServer::Received(net::FrameConnection& peer, std::string_view body) {
  const std::optional<StatusMessage> message = ParseStatusMessage(body);
  if (!message) return false;
  next_ = TimePoint{};  // it may be news for the others
  const int rank = peer.rank();
  const bool joined =
      rank > 0 && rank < page_->size() && links_[static_cast<size_t>(rank)].peer == &peer;
  if (const auto* join = std::get_if<StatusJoin>(&*message)) return !joined && Join(peer, *join);
  if (!joined) return false;
  page_->Heard(rank);
  if (const auto* update = std::get_if<StatusUpdate>(&*message)) {
    Update(rank, *update);
  } else if (const auto* failure = std::get_if<StatusFailure>(&*message)) {
    page_->Fail(failure->text);
  } else if (const auto* late = std::get_if<StatusLate>(&*message)) {
    Late(rank, late->late);
  } else {
    return false;
  }
  return true;
}

// Why this worker cannot take part; empty if it can.
std::string StatusServer::WhyNot(int rank, const StatusJoin& join) const {
  const int size = page_->size();
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

bool StatusServer::Join(net::FrameConnection& peer, const StatusJoin& join) {
  const int rank = peer.rank();
  if (const std::string why_not = WhyNot(rank, join); !why_not.empty()) {
    // A run that is complete need not suffer from a stranger, which may be early for the next one.
    // One that is not would wait in vain.
    const bool complete = joined_ == page_->size();
    if (!complete) page_->Fail(why_not);
    peer.Send(Frame(StatusRefusal{.text = why_not, .later = complete}));
    peer.CloseWhenSent();
    return true;
  }
  {
    const std::lock_guard lock(mutex_);
    links_[static_cast<size_t>(rank)] = {
        .peer = &peer, .process = join.process, .local_host = peer.local_host()};
    ++joined_;
  }
  page_->Heard(rank);
  StatusStates states;
  for (int r = 0; r < page_->size(); ++r) {
    if (told_[static_cast<size_t>(r)] == StatusPage::State::kAbsent) continue;
    states.entries.push_back(EntryOf(r));
  }
  peer.Send(Frame(states));
  if (told_address_) {
    StatusAddress address;
    page_->Read(address.bytes.data());
    peer.Send(Frame(address));
  }
  if (told_failure_) peer.Send(Frame(StatusFailure{page_->failure()}));
  if (told_report_) peer.Send(Frame(StatusReport{}));
  if (joined_ == page_->size()) Tell(StatusComplete{});
  return true;
}

void StatusServer::Update(int rank, const StatusUpdate& update) {
  for (const auto& [number, signature] : update.started) {
    Compare(rank, number, signature);
    page_->Started(rank, number, signature, update.what);
  }
  page_->Ready(rank, update.ready);
  if (!update.in_subgroup.empty()) page_->StartedInSubgroup(rank, update.in_subgroup);
  if (update.state != page_->state(rank)) page_->set_state(rank, update.state);
}

void StatusServer::Late(int rank, const StatusPage::Late& late) {
  const std::lock_guard lock(why_late_mutex_);
  const std::string why = why_late_
                              ? why_late_(late.number, late.what, late.seconds)
                              : fmt::format("collective {}, {}, has not ended within {:.1f} s",
                                            late.number, late.what, late.seconds);
  page_->Fail(fmt::format("[worker {} of {}] {}", rank, page_->size(), why));
}

void StatusServer::Compare(int rank, uint64_t number, const CollectiveSignature& signature) {
  Given& given = given_[number % kComparedAtOnce];
  if (given.number < number) given = {number, rank, signature};
  if (given.number > number || given.signature == signature) return;
  const Given now{number, rank, signature};
  const auto& [a, b] = rank < given.rank ? std::pair{now, given} : std::pair{given, now};
  page_->Fail(DescribeMismatch(number, a.rank, a.signature, {}, b.rank, b.signature, {}));
}

void StatusServer::CompareOwn() {
  const uint64_t started = page_->started(0);
  // What it has started long ago is not there any more.
  if (started > compared_ + kComparedAtOnce) compared_ = started - kComparedAtOnce;
  while (compared_ < started) {
    ++compared_;
    if (const auto own = page_->signature(0, compared_)) Compare(0, compared_, *own);
  }
}

StatusStates::Entry StatusServer::EntryOf(int rank) const {
  StatusStates::Entry entry{.rank = rank, .state = page_->state(rank)};
  entry.started = page_->started(rank);
  if (entry.state == StatusPage::State::kDead) entry.how_died = page_->HowDied(rank);
  return entry;
}

void StatusServer::Tell(const StatusMessage& message) {
  const std::string frame = Frame(message);
  for (const Link& link : links_) {
    if (link.peer != nullptr) link.peer->Send(frame);
  }
}

void StatusServer::Tick(TimePoint now) {
  next_ = now + kLook;
  CompareOwn();
  StatusStates states;
  for (int rank = 0; rank < page_->size(); ++rank) {
    StatusPage::State& told = told_[static_cast<size_t>(rank)];
    if (page_->state(rank) == told) continue;
    states.entries.push_back(EntryOf(rank));
    told = states.entries.back().state;
  }
  if (!states.entries.empty() || now - told_at_ >= kAlive) {
    Tell(states);
    told_at_ = now;
  }
  StatusAddress address;
  if (!told_address_ && page_->Read(address.bytes.data())) {
    told_address_ = true;
    Tell(address);
  }
  if (!told_failure_ && page_->failed()) {
    told_failure_ = true;
    Tell(StatusFailure{page_->failure()});
  }
  if (!told_report_ && told_failure_ && will_report_) {
    told_report_ = true;
    Tell(StatusReport{});
  }
}

void StatusServer::Closed(net::FrameConnection& peer, const std::string& why) {
  const auto link =
      std::find_if(links_.begin(), links_.end(), [&](const Link& it) { return it.peer == &peer; });
  if (link == links_.end()) return;
  link->peer = nullptr;
  next_ = TimePoint{};
  const int rank = static_cast<int>(link - links_.begin());
  if (page_->state(rank) == StatusPage::State::kFinished || page_->failed()) return;
  page_->SetDead(rank, "has gone: " + why);
}

}  // namespace convoy::status
