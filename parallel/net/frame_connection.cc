// One connection of a server of frames: what has come of a frame, and what waits to be sent.
#include "parallel/net/frame_connection.h"

#include <sys/socket.h>

#include <cerrno>
#include <span>
#include <utility>

#include "parallel/net/frame_server.h"

namespace convoy::net {
namespace {

constexpr size_t kMaxQueuedBytes = size_t{16} << 20;

std::string Broken(int error) { return "its connection has broken: " + ErrnoText(error); }

}  // namespace

FrameConnection::FrameConnection(FrameServer* server, uint64_t id, Descriptor fd,
                                 ServerHandshake handshake, TimePoint since)
    : server_(server),
      id_(id),
      fd_(std::move(fd)),
      since_(since),
      handshake_(std::move(handshake)) {}

void FrameConnection::Send(std::string_view frame) {
  if (mac_out_) {
    out_ += mac_out_->Sign(frame);
  } else {
    out_ += frame;
  }
  server_->Touch(*this);
}

void FrameConnection::SetReading(bool reading) {
  reading_ = reading;
  server_->Touch(*this);
}

void FrameConnection::CloseWhenSent() {
  closing_ = true;
  reading_ = false;
  server_->Touch(*this);
}

Descriptor FrameConnection::Release() {
  server_->epoll_.Remove(fd_.get());
  server_->CloseLater(*this, "it has another use");
  return std::move(fd_);
}

FrameConnection::Received FrameConnection::Receive() {
  using What = Received::What;
  while (true) {
    const std::span<char> want = in_.Want();
    const ssize_t got = recv(fd_.get(), want.data(), want.size(), 0);
    if (got < 0 && errno == EAGAIN) return {What::kNothing};
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {.what = What::kEnd, .why = Broken(errno)};
    if (got == 0) return {.what = What::kEnd, .why = "its connection was closed"};
    switch (in_.Got(static_cast<size_t>(got))) {
      case FrameAssembler::State::kMore:
        continue;
      case FrameAssembler::State::kTooLong:
        return {.what = What::kEnd, .why = "it sent a frame that is too long"};
      case FrameAssembler::State::kWhole:
        break;
    }
    if (!mac_in_) return {What::kFrame, in_.body()};
    const std::optional<std::string_view> opened = mac_in_->Verify(in_.body());
    if (opened) return {What::kFrame, *opened};
    return {.what = What::kForged,
            .why = "it brought a frame that was changed, repeated or left out on its way"};
  }
}

void FrameConnection::NextFrame() {
  in_.Restart(service_ == nullptr ? kMaxUnauthenticatedFrameBytes : kMaxSignedFrameBytes);
}

std::string FrameConnection::Flush() {
  size_t sent = 0;
  while (sent < out_.size()) {
    const ssize_t some = send(fd_.get(), out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
    if (some < 0 && errno == EINTR) continue;
    if (some < 0 && errno == EAGAIN) break;
    if (some < 0) return Broken(errno);
    sent += static_cast<size_t>(some);
  }
  out_.erase(0, sent);
  if (out_.empty() && closing_) return "it was sent away";
  return out_.size() > kMaxQueuedBytes ? "it does not take what it is sent" : "";
}

uint32_t FrameConnection::WantedEvents() const {
  // A peer that does not take its answers is not asked for more.
  const uint32_t data = out_.empty() ? (reading_ ? uint32_t{EPOLLIN} : 0u) : uint32_t{EPOLLOUT};
  return EPOLLRDHUP | data;
}

}  // namespace convoy::net
