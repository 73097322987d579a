// A server of frames: one thread for all connections, each authenticated before it is heard.
#include "parallel/net/frame_server.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <exception>
#include <optional>
#include <span>
#include <utility>

#include "core/base/error.h"
#include "core/base/start_thread.h"
#include "core/error_text.h"

namespace convoy::net {
namespace {

constexpr uint64_t kListening = 0, kWake = 1;
constexpr int kFramesAtOnce = 16;  // from one peer, before the others have their turn
// Status connections of ranks that the job does not have: each is told why.
constexpr int kMostForeign = 64;
constexpr std::chrono::milliseconds kPause{100};             // when the system refuses a connection
constexpr std::chrono::seconds kUnauthenticatedPatience{1};  // before one makes room for others

std::chrono::steady_clock::duration Seconds(double seconds) {
  return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
      std::chrono::duration<double>(seconds));
}

}  // namespace

FrameServer::FrameServer(const FrameServerOptions& options,
                         std::map<Purpose, FrameService*> services)
    : options_(options),
      services_(std::move(services)),
      listening_(ListenAt(options.host, options.port)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      port_(PortOf(listening_)),
      host_(HostOf(listening_)) {
  ServerHandshake check_secret(options.secret, options.job);
  CONVOY_CHECK(wake_, "[Store] cannot watch connections: {}", ErrnoText(errno));
  epoll_.Add(wake_.get(), kWake, EPOLLIN);
  Listen(true);
  thread_ = StartThread("Store", "store server", [this] { Run(); });
}

FrameServer::~FrameServer() {
  eventfd_write(wake_.get(), 1);
  thread_.join();
}

void FrameServer::Run() noexcept {
  try {
    Serve();
  } catch (const std::exception& error) {  // out of memory, or of what the system has
    try {
      Break(ErrorText(error));
    } catch (const std::exception&) {
      Break({});
    }
  }
}

// Peers that wait for an answer see the connection close, and new ones are refused.
void FrameServer::Break(const std::string& why) noexcept {
  for (const auto& [purpose, service] : services_) {
    try {
      service->OnServerFailure(why);
    } catch (const std::exception&) {  // the closed connections must tell
    }
  }
  try {
    Settle();
  } catch (const std::exception&) {  // the same
  }
  listening_.Close();
  peers_.clear();
}

void FrameServer::Serve() {
  while (true) {
    TimePoint now = Clock::now();
    if (end_by_ && MayEnd(now)) return;
    const std::span<const epoll_event> events = epoll_.Wait(MillisecondsToWait(now));
    now = Clock::now();
    for (const auto& [flags, data] : events) {
      if (data.u64 == kListening) {
        Accept(now);
      } else if (data.u64 == kWake) {
        eventfd_t ignored;
        eventfd_read(wake_.get(), &ignored);
        if (listens_) Listen(false);
        end_by_ = now + Seconds(options_.linger_s);
      } else if (const auto it = peers_.find(data.u64); it != peers_.end()) {
        FrameConnection& peer = *it->second;
        if (flags & EPOLLIN) Read(peer);
        if (flags & EPOLLOUT) Touch(peer);
        const bool reads = (peer.interest_ & EPOLLIN) != 0;
        if (flags & (EPOLLERR | EPOLLHUP) || (flags & EPOLLRDHUP && !reads)) {
          CloseLater(peer, "its connection was closed");
        }
      }
    }
    Tick(now);
    Settle();
  }
}

bool FrameServer::MayEnd(TimePoint now) const {
  if (now >= *end_by_) return true;
  const bool sent = std::all_of(peers_.begin(), peers_.end(),
                                [](const auto& entry) { return entry.second->out_.empty(); });
  return sent && std::all_of(services_.begin(), services_.end(),
                             [](const auto& entry) { return entry.second->MayEnd(); });
}

int FrameServer::MillisecondsToWait(TimePoint now) const {
  TimePoint next = next_look_;
  if (end_by_) next = std::min(next, *end_by_);
  for (const auto& [purpose, service] : services_) next = std::min(next, service->NextTick());
  if (next == TimePoint::max()) return -1;
  const double milliseconds = std::chrono::duration<double, std::milli>(next - now).count();
  return static_cast<int>(std::clamp(std::ceil(milliseconds), 0.0, 1e6));
}

void FrameServer::Tick(TimePoint now) {
  for (const auto& [purpose, service] : services_) {
    if (now >= service->NextTick()) service->Tick(now);
  }
  if (now < next_look_) return;
  next_look_ = TimePoint::max();
  for (const auto& [id, peer] : peers_) {
    if (peer->service_ != nullptr) continue;
    const TimePoint until = peer->since_ + Seconds(options_.handshake_s);
    if (now >= until) {
      CloseLater(*peer, "it did not prove itself in time");
    } else {
      next_look_ = std::min(next_look_, until);
    }
  }
  if (!listens_ && !end_by_) Listen(true);
}

void FrameServer::Listen(bool listen) {
  if (listen) {
    epoll_.Add(listening_.get(), kListening, EPOLLIN);
  } else {
    epoll_.Remove(listening_.get());
  }
  listens_ = listen;
}

FrameConnection* FrameServer::OldestUnauthenticated() {
  FrameConnection* oldest = nullptr;
  for (const auto& [id, peer] : peers_) {
    if (peer->service_ != nullptr || peer->closing_later_) continue;
    if (oldest == nullptr || id < oldest->id_) oldest = peer.get();
  }
  return oldest;
}

void FrameServer::Accept(TimePoint now) {
  for (int turn = 0; turn < kFramesAtOnce; ++turn) {
    if (unauthenticated_ >= options_.max_unauthenticated) {
      // The rest wait in the system's queue, unless somebody only takes up room.
      FrameConnection* oldest = OldestUnauthenticated();
      if (oldest != nullptr && now >= oldest->since_ + kUnauthenticatedPatience) {
        CloseLater(*oldest, "it did not prove itself while others waited");
      } else {
        Listen(false);
        next_look_ = std::min(next_look_, now + kPause);
      }
      return;
    }
    Descriptor fd(accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EAGAIN) return;
      if (errno == EINTR || errno == ECONNABORTED) continue;
      Listen(false);  // out of descriptors: later, not in a busy loop
      next_look_ = std::min(next_look_, now + kPause);
      return;
    }
    TuneConnection(fd);
    const uint64_t id = ++last_id_;
    auto peer = std::unique_ptr<FrameConnection>(new FrameConnection(
        this, id, std::move(fd), ServerHandshake(options_.secret, options_.job), now));
    peer->interest_ = EPOLLIN | EPOLLRDHUP;
    try {
      epoll_.Add(peer->fd_.get(), id, peer->interest_);
    } catch (const Error&) {  // the system watches no more: it will be tried again
      Listen(false);
      next_look_ = std::min(next_look_, now + kPause);
      return;
    }
    peers_.emplace(id, std::move(peer));
    ++unauthenticated_;
    next_look_ = std::min(next_look_, now + Seconds(options_.handshake_s));
  }
}

void FrameServer::Read(FrameConnection& peer) {
  using What = FrameConnection::Received::What;
  int frames = 0;
  // A peer that does not take its answers is not asked for more.
  while (frames < kFramesAtOnce && peer.reading_ && !peer.closing_later_ && peer.out_.empty()) {
    const FrameConnection::Received received = peer.Receive();
    if (received.what == What::kNothing) return;
    if (received.what == What::kForged && options_.forged) options_.forged(peer.rank_);
    if (received.what != What::kFrame) return CloseLater(peer, received.why);
    if (!Dispatch(peer, received.body)) {
      return CloseLater(peer, "it sent a frame that makes no sense");
    }
    peer.NextFrame();
    ++frames;
  }
}

bool FrameServer::Dispatch(FrameConnection& peer, std::string_view body) {
  if (peer.service_ != nullptr) return peer.service_->Received(peer, body);
  const auto reply = peer.handshake_.Take(body);
  if (!reply) return false;
  peer.Send(*reply);
  if (peer.handshake_.of_other_job()) peer.CloseWhenSent();
  if (!peer.handshake_.done()) return true;
  const auto service = services_.find(peer.handshake_.purpose());
  if (service == services_.end()) return false;
  peer.service_ = service->second;
  peer.rank_ = peer.handshake_.rank();
  const MacKeys keys = peer.handshake_.keys();
  peer.mac_in_.emplace(keys.from_client);
  peer.mac_out_.emplace(keys.from_server);
  --unauthenticated_;
  if (!listens_ && !end_by_) Listen(true);
  peer.service_->Opened(peer);
  if (HasTooMany(peer)) peer.CloseWhenSent();
  return true;
}

// A worker has one connection for each purpose, and for a moment two when it tries again. What each
// may hold of this process's memory is bounded, so this bounds the memory that a rank may hold.
bool FrameServer::HasTooMany(const FrameConnection& peer) const {
  const auto place = [this](int rank) { return rank >= 0 && rank < options_.ranks ? rank : -1; };
  const auto same = std::count_if(peers_.begin(), peers_.end(), [&](const auto& entry) {
    const FrameConnection& other = *entry.second;
    return other.service_ == peer.service_ && !other.closing_later_ && !other.closing_ &&
           place(other.rank_) == place(peer.rank_);
  });
  const bool foreign = place(peer.rank_) < 0 && peer.handshake_.purpose() == Purpose::kStatus;
  return same > (foreign ? kMostForeign : options_.max_per_rank);
}

void FrameServer::Touch(FrameConnection& peer) {
  if (std::exchange(peer.touched_, true)) return;
  touched_.push_back(peer.id_);
}

void FrameServer::CloseLater(FrameConnection& peer, const std::string& why) {
  if (std::exchange(peer.closing_later_, true)) return;
  closing_later_.emplace_back(peer.id_, why);
}

void FrameServer::Flush(FrameConnection& peer) {
  peer.touched_ = false;
  if (peer.closing_later_) return;
  const std::string why = peer.Flush();
  if (!why.empty()) return CloseLater(peer, why);
  const uint32_t interest = peer.WantedEvents();
  if (interest == peer.interest_) return;
  peer.interest_ = interest;
  epoll_.Change(peer.fd_.get(), peer.id_, interest);
}

// Sends what is queued and forgets closed connections, which may queue more.
void FrameServer::Settle() {
  while (!touched_.empty() || !closing_later_.empty()) {
    for (const uint64_t id : std::exchange(touched_, {})) {
      if (const auto it = peers_.find(id); it != peers_.end()) Flush(*it->second);
    }
    for (const auto& [id, why] : std::exchange(closing_later_, {})) {
      const auto it = peers_.find(id);
      const std::unique_ptr<FrameConnection> peer = std::move(it->second);
      peers_.erase(it);
      if (peer->service_ == nullptr) {
        --unauthenticated_;
        ++turned_away_;
        if (!listens_ && !end_by_) Listen(true);
      } else {
        peer->service_->Closed(*peer, why);
      }
    }
  }
}

}  // namespace convoy::net
