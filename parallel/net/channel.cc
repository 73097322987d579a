// A process's connection to the server of its job, authenticated: frames out, frames in.
#include "parallel/net/channel.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "core/base/error.h"
#include "core/base/printable.h"

namespace convoy::net {
namespace {

constexpr double kTryS = 10;      // for one connection, with its handshake
constexpr double kPauseS = 0.02;  // before the second try
constexpr double kLongestPauseS = 0.5;
// A server that ends, or makes room for others, in the middle of a handshake looks like one that
// refuses the secret: it is believed when it has done so again and again.
constexpr int kRefusals = 3;

std::string JobText(const std::string& job) {
  return job.empty() ? "one without a name" : fmt::format("'{}'", Printable(job));
}

}  // namespace

std::optional<Channel> Channel::Try(const ServerAddress& server, Purpose purpose, int rank,
                                    const Deadline& deadline, Failure& failure) {
  const Deadline this_try(std::min(kTryS, deadline.remaining_s()));
  failure = {};
  Descriptor fd = TryConnect(server.host, server.port, this_try.remaining_s(), failure.why);
  if (!fd) return {};
  Channel channel(std::move(fd));
  failure = channel.Introduce(server, purpose, rank, this_try);
  if (!failure.why.empty()) return {};
  return channel;
}

Channel Channel::Connect(const ServerAddress& server, Purpose purpose, int rank,
                         const Deadline& deadline) {
  const std::string where = AddressText(server.host, server.port);
  double pause_s = kPauseS;
  int refusals = 0;
  while (true) {
    Failure failure;
    if (auto channel = Try(server, purpose, rank, deadline, failure)) return *std::move(channel);
    refusals = failure.refused ? refusals + 1 : 0;
    CONVOY_CHECK(!failure.final && refusals < kRefusals,
                 "[Store] at {}, where worker 0 should be, {}", where, failure.why);
    CONVOY_CHECK(deadline.remaining_s() > 0,
                 "[Store] cannot reach worker 0 at {} within {:g} s ({}); is it running, and is "
                 "the address right?",
                 where, deadline.allowed_s(), failure.why);
    std::this_thread::sleep_for(
        std::chrono::duration<double>(std::min(pause_s, deadline.remaining_s())));
    pause_s = std::min(2 * pause_s, kLongestPauseS);
  }
}

Channel::Failure Channel::Introduce(const ServerAddress& server, Purpose purpose, int rank,
                                    const Deadline& deadline) {
  ClientHandshake handshake(server.secret, purpose, rank, server.job);
  const Failure silent{"connected, but it does not answer"};
  if (!Send(handshake.Hello(), deadline)) return {"connection closed"};
  switch (Receive(deadline)) {
    case Received::kNothing:
      return silent;
    case Received::kGone:
    case Received::kForged:
      return {"connection closed"};
    case Received::kFrame:
      break;
  }
  const auto answer = handshake.Answer(body());
  if (!answer) return {"something else answers: not a program of this version", true};
  if (!Send(*answer, deadline)) return {"connection closed"};
  switch (Receive(deadline)) {
    case Received::kNothing:
      return silent;
    case Received::kGone:
    case Received::kForged:
      return {
          .why = "this process's secret is not accepted; all processes of a job must have the same",
          .refused = true};
    case Received::kFrame:
      break;
  }
  // It may be about to end, and the one of this job about to take its place.
  if (const auto other = handshake.OtherJob(body())) {
    return {
        fmt::format("another job is there, which has the same secret: {}; this process belongs "
                    "to {}",
                    JobText(*other), JobText(server.job))};
  }
  if (!handshake.Accepts(body())) {
    return {"something answers that does not know the secret of this job", true};
  }
  const MacKeys keys = handshake.keys();
  mac_out_.emplace(keys.from_client);
  mac_in_.emplace(keys.from_server);
  limit_ = kMaxSignedFrameBytes;
  return {};
}

bool Channel::Send(std::string_view frame, const Deadline& deadline) {
  return mac_out_ ? SendRaw(mac_out_->Sign(frame), deadline) : SendRaw(frame, deadline);
}

bool Channel::SendRaw(std::string_view frame, const Deadline& deadline) {
  while (!frame.empty()) {
    const ssize_t sent = send(fd_.get(), frame.data(), frame.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      frame.remove_prefix(static_cast<size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!WaitFor(fd_.get(), POLLOUT, deadline.remaining_s())) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

Channel::Received Channel::Receive(const Deadline& deadline) {
  if (std::exchange(whole_, false)) in_.Restart(limit_);
  while (true) {
    const std::span<char> want = in_.Want();
    const ssize_t got = recv(fd_.get(), want.data(), want.size(), 0);
    if (got > 0) {
      const FrameAssembler::State state = in_.Got(static_cast<size_t>(got));
      if (state == FrameAssembler::State::kTooLong) return Received::kGone;
      if (state == FrameAssembler::State::kMore) continue;
      whole_ = true;
      body_bytes_ = in_.body().size();
      if (!mac_in_) return Received::kFrame;
      const std::optional<std::string_view> opened = mac_in_->Verify(in_.body());
      body_bytes_ = opened ? opened->size() : 0;
      return opened ? Received::kFrame : Received::kForged;
    }
    if (got == 0) return Received::kGone;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Received::kGone;
    if (!WaitFor(fd_.get(), POLLIN, deadline.remaining_s())) return Received::kNothing;
  }
}

void Channel::Finish(const Deadline& deadline) {
  shutdown(fd_.get(), SHUT_WR);
  while (Receive(deadline) == Received::kFrame) {
  }
}

}  // namespace convoy::net
