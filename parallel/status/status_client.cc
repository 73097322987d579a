// Keeps the status page of one worker's process and that of worker 0 together.
#include "parallel/status/status_client.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "core/base/start_thread.h"
#include "core/error_text.h"

namespace convoy::status {
namespace {

constexpr std::chrono::milliseconds kLook{20};     // at the status page, for what is urgent
constexpr std::chrono::milliseconds kGather{50};   // for what is not
constexpr std::chrono::milliseconds kAlive{1000};  // where there is nothing to say
constexpr uint64_t kMany = 64;  // collectives since the last push: the status page forgets old ones
constexpr double kSendS = 5;
constexpr double kGoodbyeS = 2;
constexpr std::chrono::seconds kAnswer{3};  // to "who is missing?"
constexpr char kClosed[] = "its connection was closed";
constexpr char kForged[] =
    "its connection brought a frame that was changed, repeated or left out on its way";

}  // namespace

StatusClient::StatusClient(std::shared_ptr<StatusPage> page, int rank, net::Channel channel,
                           const Deadline& deadline)
    : page_(std::move(page)), rank_(rank), channel_(std::move(channel)) {
  page_->set_knows_all(false);
  Join(deadline);
  thread_ = StartThread("Launch", "status client", [this] { Run(); });
}

StatusClient::~StatusClient() {
  stop_ = true;
  thread_.join();
}

void StatusClient::Join(const Deadline& deadline) {
  const StatusJoin join{.size = page_->size(), .process = ProcessName::Own()};
  const bool sent = channel_.Send(Frame(join), deadline);
  const net::Channel::Received received =
      sent ? channel_.Receive(deadline) : net::Channel::Received::kGone;
  CONVOY_CHECK(received != net::Channel::Received::kNothing,
               "[Meet] worker 0 has not answered within {:.1f} s; is its process stopped?",
               deadline.elapsed_s());
  const auto message = received == net::Channel::Received::kFrame
                           ? ParseStatusMessage(channel_.body())
                           : std::optional<StatusMessage>();
  CONVOY_CHECK(message, "[Meet] worker 0 has closed the connection: it has ended, or failed");
  if (const auto* refusal = std::get_if<StatusRefusal>(&*message)) {
    if (refusal->later) throw MeetLater(refusal->text);
    throw Error(refusal->text);
  }
  CONVOY_CHECK(std::holds_alternative<StatusStates>(*message) && Apply(*message),
               "[Meet] worker 0 sent an answer that makes no sense");
}

void StatusClient::Run() {
  try {
    while (!stop_) {
      if (connected_ && !Push(/*last=*/false)) LoseServer(kClosed);
      if (!connected_) {
        std::this_thread::sleep_for(kLook);
      } else if (net::WaitFor(channel_.fd(), POLLIN,
                              std::chrono::duration<double>(kLook).count()) &&
                 !Receive()) {
        LoseServer(forged_ ? kForged : kClosed);
      }
      GiveUpOnLate();
    }
    if (connected_ && Push(/*last=*/true)) channel_.Finish(Deadline(kGoodbyeS));
  } catch (const std::exception& error) {  // out of memory
    page_->Fail(ErrorText(error));
  }
}

bool StatusClient::SendFrame(const StatusMessage& message) {
  return channel_.Send(Frame(message), Deadline(kSendS));
}

bool StatusClient::Push(bool last) {
  // Read first: worker 0 is then told what the worker had started before it waited too long.
  const std::optional<StatusPage::Late> late = page_->late(rank_);
  return PushUpdate(last, late) && PushLate(late) && PushFailure();
}

bool StatusClient::PushUpdate(bool last, const std::optional<StatusPage::Late>& late) {
  // Before what the worker does afterwards is looked at.
  const StatusPage::State state = page_->state(rank_);
  const uint64_t started = page_->started(rank_), ready = page_->ready(rank_);
  const uint64_t in_subgroups = page_->started_in_subgroups(rank_);
  const auto now = Clock::now();
  const auto since = now - pushed_at_;
  const bool changed = started != started_ || ready != ready_ || in_subgroups != in_subgroups_;
  const bool urgent = last || state != state_ || started > started_ + kMany ||
                      (late && late->number != late_) || (page_->failed() && !failure_known_);
  if (!urgent && since < (changed ? kGather : kAlive)) return true;

  const StatusPage::Progress progress = page_->progress(rank_);
  StatusUpdate update{.state = state, .ready = ready, .what = progress.what};
  if (in_subgroups != in_subgroups_) update.in_subgroup = progress.in_subgroup;
  constexpr uint64_t kRemembered = StatusPage::kRememberedSignatures;
  const uint64_t oldest = started < kRemembered ? 1 : started - kRemembered + 1;
  for (uint64_t n = std::max(started_ + 1, oldest); n <= started; ++n) {
    if (const auto signature = page_->signature(rank_, n))
      update.started.emplace_back(n, *signature);
  }
  pushed_at_ = now;
  state_ = state;
  ready_ = ready;
  started_ = started;
  in_subgroups_ = in_subgroups;
  return SendFrame(update);
}

bool StatusClient::PushLate(const std::optional<StatusPage::Late>& late) {
  if (!late || late->number == late_) return true;
  late_ = late->number;
  late_at_ = Clock::now();
  return SendFrame(StatusLate{*late});
}

bool StatusClient::PushFailure() {
  if (failure_known_ || !page_->failed()) return true;
  failure_known_ = true;
  return SendFrame(StatusFailure{page_->failure()});
}

bool StatusClient::Receive() {
  while (true) {
    switch (channel_.Receive(Deadline(0))) {
      case net::Channel::Received::kNothing:
        return true;
      case net::Channel::Received::kForged:
        forged_ = true;
        return false;
      case net::Channel::Received::kGone:
        return false;
      case net::Channel::Received::kFrame:
        break;
    }
    const auto message = ParseStatusMessage(channel_.body());
    if (!message || !Apply(*message)) return false;
  }
}

// False if worker 0 sends no such thing.
bool StatusClient::Apply(const StatusMessage& message) {
  page_->Heard(0);
  if (const auto* states = std::get_if<StatusStates>(&message)) {
    for (const StatusStates::Entry& entry : states->entries) {
      if (entry.rank >= page_->size()) return false;
      if (entry.rank == rank_) continue;  // known better here
      if (entry.started > page_->started(entry.rank)) {
        page_->SetStarted(entry.rank, entry.started);
      }
      if (entry.state == StatusPage::State::kDead) {
        page_->SetDead(entry.rank, entry.how_died);
      } else {
        page_->set_state(entry.rank, entry.state);
      }
    }
  } else if (const auto* address = std::get_if<StatusAddress>(&message)) {
    page_->Publish(address->bytes.data());
  } else if (const auto* failure = std::get_if<StatusFailure>(&message)) {
    failure_known_ = true;
    page_->Fail(failure->text);
  } else if (std::holds_alternative<StatusReport>(message)) {
    zero_reports_ = true;
  } else if (std::holds_alternative<StatusComplete>(message)) {
    complete_ = true;
  } else {
    return false;
  }
  return true;
}

void StatusClient::LoseServer(const char* why) {
  connected_ = false;
  if (page_->state(0) == StatusPage::State::kFinished || page_->failed()) return;
  page_->SetDead(0, std::string("has gone: ") + why);
}

// Worker 0 may be stopped, or gone after having finished.
void StatusClient::GiveUpOnLate() {
  const std::optional<StatusPage::Late> late = page_->late(rank_);
  if (!late || page_->failed()) return;
  if (connected_ && (late->number != late_ || Clock::now() - late_at_ < kAnswer)) return;
  page_->Fail(fmt::format(
      "[worker {} of {}] collective {}, {}, has not ended within {:.1f} s, and worker 0 does not "
      "answer: its process is stopped, or cut off",
      rank_, page_->size(), late->number, late->what, late->seconds));
  if (!connected_) return;
  PushFailure();  // for when it goes on; nothing waits for its answer any more
  connected_ = false;
  page_->SetDead(0, "does not answer");
}

}  // namespace convoy::status
