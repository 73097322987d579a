// Where the other workers' connections for a mesh come in.
#include "parallel/transport/gloo/mesh_listener.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "core/base/env_reader.h"
#include "core/base/error.h"
#include "parallel/net/hmac.h"
#include "parallel/net/secret.h"

namespace convoy::transport {
namespace {

constexpr uint8_t kReady = 1;
constexpr int64_t kMaxPort = 65535;

// What both ends bind into their proofs as the name of the job: it holds for one rank's listener of
// one mesh alone.
std::string ListenerName(const MeshPlace& place, const std::string& mesh, int rank,
                         std::string_view random) {
  const std::string text = fmt::format("{}\n{}\n{}", mesh, rank, random);
  return fmt::format("mesh {:02x}", fmt::join(net::HmacSha256(place.secret, text), ""));
}

// The text up to the next line's end, which are both taken away.
std::string_view TakeLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(line.size() < text.size() ? line.size() + 1 : line.size());
  return line;
}

}  // namespace

MeshListener::MeshListener(const MeshPlace& place, const std::string& name, int rank, int size)
    : rank_(rank), size_(size) {
  const std::string random = net::DrawSecret();
  server_.emplace(net::FrameServerOptions{.host = place.host,
                                          .secret = place.secret,
                                          .job = ListenerName(place, name, rank, random),
                                          .ranks = size},
                  std::map<net::Purpose, net::FrameService*>{{net::Purpose::kMesh, this}});
  address_ = fmt::format("{}\n{}\n{}", place.host, server_->port(), random);
}

std::optional<net::ServerAddress> MeshListener::Read(const std::string& address,
                                                     const MeshPlace& place,
                                                     const std::string& name, int rank) {
  std::string_view rest = address;
  const std::string_view host = TakeLine(rest);
  const std::optional<int64_t> port = ParseNumber(TakeLine(rest));
  if (host.empty() || !port || *port < 1 || *port > kMaxPort) return {};
  return net::ServerAddress{.host = std::string(host),
                            .port = static_cast<int>(*port),
                            .secret = place.secret,
                            .job = ListenerName(place, name, rank, rest)};
}

std::string MeshListener::Ready() { return net::FrameWriter(kReady).Take(); }

bool MeshListener::Received(net::FrameConnection& peer, std::string_view body) {
  net::FrameReader reader(body);
  const bool ready = reader.U8() == kReady && reader.Finished();
  if (!ready || peer.rank() <= rank_ || peer.rank() >= size_) return false;
  {
    const std::lock_guard lock(mutex_);
    connections_.insert_or_assign(peer.rank(), peer.Release());
  }
  came_.notify_all();
  return true;
}

void MeshListener::OnServerFailure(const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    broken_ = why;
  }
  came_.notify_all();
}

Descriptor MeshListener::Take(int rank, double timeout_s) {
  std::unique_lock lock(mutex_);
  came_.wait_for(lock, std::chrono::duration<double>(timeout_s),
                 [&] { return broken_ || connections_.contains(rank); });
  if (broken_) Fail("[Gloo] this worker can take no more connections: {}", *broken_);
  const auto it = connections_.find(rank);
  if (it == connections_.end()) return Descriptor();
  Descriptor connection = std::move(it->second);
  connections_.erase(it);
  return connection;
}

}  // namespace convoy::transport
