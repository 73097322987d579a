// Gloo's connections from one worker to all others, and messages over them.
#include "parallel/transport/gloo/mesh.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <gloo/transport/context.h>
#include <gloo/transport/tcp/context.h>
#include <gloo/transport/tcp/device.h>
#include <gloo/transport/tcp/pair.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <charconv>
#include <chrono>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "core/base/descriptor_limit.h"
#include "core/base/error.h"
#include "core/base/printable.h"
#include "core/error_text.h"
#include "parallel/net/channel.h"
#include "parallel/net/socket.h"
#include "parallel/transport/gloo/mesh_listener.h"
#include "parallel/transport/gloo/without_sigpipe.h"

namespace {

// Whether this thread makes a pair that is to be given its connection.
thread_local bool adopts = false;

struct MakesPairsThatAdopt {
  MakesPairsThatAdopt() { adopts = true; }
  ~MakesPairsThatAdopt() { adopts = false; }
};

}  // namespace

// Takes the place of the library's own, which each pair's constructor calls. That one opens a port
// that takes the first comer for the peer.
void gloo::transport::tcp::Pair::listen() {
  if (adopts) return;
  using Listen = void (*)(Pair*);
  static const auto own =
      reinterpret_cast<Listen>(dlsym(RTLD_NEXT, "_ZN4gloo9transport3tcp4Pair6listenEv"));
  GLOO_ENFORCE(own != nullptr, "Gloo's library has no Pair::listen");
  own(this);
}

namespace convoy::transport {
namespace {

namespace tcp = ::gloo::transport::tcp;

// Gloo adds it to the time of now.
constexpr std::chrono::milliseconds kForever = std::chrono::hours(24 * 365);
// How often a wait looks whether to give up.
constexpr double kLookSeconds = 0.2;
// For one try to reach another worker.
constexpr double kTrySeconds = 2;
constexpr double kPauseSeconds = 0.02;
constexpr int kListenerDescriptors = 4;

// Its address is that of the listening sockets which a Pair does without: any of this machine's.
// Where the other workers reach it may be none of them, or a name, and a name that nobody knows
// ends the library with SIGSEGV.
std::shared_ptr<::gloo::transport::Device> MakeDevice() {
  const WithoutSigpipe guard;  // for the thread that it starts
  std::string why;
  for (const char* loopback : {"127.0.0.1", "::1"}) {
    ::gloo::transport::tcp::attr attributes;
    attributes.hostname = loopback;
    try {
      return ::gloo::transport::tcp::CreateDevice(attributes);
    } catch (const std::exception& error) {
      why = ErrorText(error);
    }
  }
  Fail("[Gloo] this machine has no loopback address ({}); `ip link set lo up` gives it one", why);
}

std::string KeyOf(const std::string& prefix, int rank) {
  return prefix + "/" + std::to_string(rank);
}

// For a message about workers that do not reach each other there.
std::string WayOut(const std::string& host, const char* machine) {
  if (net::IsLoopback(host)) return {};
  return fmt::format("; if others do not reach {} at {}, set CONVOY_HOST for it", machine, host);
}

void Pause(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

// What another worker has left, as soon as it has.
std::string Fetch(store::Store& store, const std::string& key,
                  const std::function<void()>& give_up) {
  while (true) {
    const Deadline look(kLookSeconds);
    try {
      return store.Get(key, kLookSeconds);
    } catch (const Error&) {
      give_up();
      Pause(look.remaining_s());  // the store may be gone, which is known at once
    }
  }
}

}  // namespace

// A pair that is given a connection to its peer. Gloo's own way to make one cannot be ended from
// outside, and does not know who is at the other end.
class Mesh::Pair final : public tcp::Pair {
 public:
  Pair(tcp::Context* context, tcp::Device* device, int rank)
      : tcp::Pair(context, device, rank, kForever) {
    CONVOY_CHECK(
        state_ == INITIALIZING,
        "[Gloo] expected a library that calls Pair::listen() through its symbol, which this "
        "program replaces; this one listens at ports of its own. Link libgloo as a shared "
        "library (Debian's libgloo0)");
  }

  /// `connected_it`: this end has made the connection, the other one has accepted it.
  void Adopt(Descriptor connection, bool connected_it) {
    const std::lock_guard lock(m_);
    if (state_ != INITIALIZING) throw MeshAborted();
    // A peer that is stopped and takes nothing is for the group's deadline to find, not for TCP's.
    const int none = 0;
    setsockopt(connection.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &none, sizeof(none));
    is_client_ = connected_it;
    fd_ = connection.get();
    try {
      handleConnected();
    } catch (const std::exception&) {
      fd_ = -1;
      throw;
    }
    connection.Release();
  }
};

class Mesh::Context final : public ::gloo::Context {
 public:
  Context(int rank, int size, const std::shared_ptr<::gloo::transport::Device>& device)
      : ::gloo::Context(rank, size) {
    const int descriptors = size + kListenerDescriptors;  // a connection to each, and the listener
    CONVOY_CHECK(AllowDescriptors(descriptors),
                 "[Gloo] rank {} needs {} more open files for its connections to {} workers, and "
                 "this process may not have so many; raise the limit (ulimit -n)",
                 rank, descriptors, size - 1);
    device_ = device;
    transportContext_ = device->createContext(rank, size);
    transportContext_->setTimeout(kForever);
    setTimeout(kForever);
    auto* const context = dynamic_cast<tcp::Context*>(transportContext_.get());
    auto* const tcp_device = dynamic_cast<tcp::Device*>(device.get());
    CONVOY_CHECK(context != nullptr && tcp_device != nullptr, "[Gloo] expected its TCP transport");
    const MakesPairsThatAdopt guard;
    for (int other = 0; other < size; ++other) {
      if (other != rank) {
        transportContext_->getPair(other) = std::make_unique<Pair>(context, tcp_device, other);
      }
    }
  }

  void Adopt(int other, Descriptor connection) {
    static_cast<Pair&>(*getPair(other)).Adopt(std::move(connection), other < rank);
  }

  void Close() {
    for (int other = 0; other < size; ++other) {
      if (other != rank) getPair(other)->close();
    }
  }
};

Mesh::Mesh(int rank, int size, MeshPlace place)
    : place_(std::move(place)),
      device_(MakeDevice()),
      context_(std::make_shared<Context>(rank, size, device_)) {}

Mesh::Mesh(int rank, int size, const Mesh& other)
    : place_(other.place_),
      device_(other.device_),
      context_(std::make_shared<Context>(rank, size, device_)) {}

Mesh::~Mesh() = default;

int Mesh::rank() const { return context_->rank; }
int Mesh::size() const { return context_->size; }

void Mesh::ThrowIfAborted() const {
  const std::lock_guard lock(mutex_);
  if (aborted_) throw MeshAborted();
}

// Of two workers the higher rank connects.
void Mesh::Connect(store::Store& store, const std::string& prefix,
                   const std::function<void()>& give_up) {
  if (size() == 1) return;
  const WithoutSigpipe guard;
  MeshListener listener(place_, prefix, rank(), size());
  store.Set(KeyOf(prefix, rank()), listener.address());
  const auto wait_for = [&](int other, const char* why = "") {
    const std::lock_guard lock(mutex_);
    awaited_ = other;
    why_ = why;
  };
  for (int other = 0; other < rank(); ++other) {
    wait_for(other, " has not told yet at which address it is reached");
    ConnectTo(other, Fetch(store, KeyOf(prefix, other), give_up), prefix, give_up);
  }
  for (int other = rank() + 1; other < size(); ++other) {
    wait_for(other);
    Descriptor connection;
    while (!(connection = listener.Take(other, kLookSeconds))) {
      give_up();
      ThrowIfAborted();
      const std::lock_guard lock(mutex_);
      unauthenticated_ = listener.turned_away();
    }
    context_->Adopt(other, std::move(connection));
  }
  wait_for(-1);
}

void Mesh::ConnectTo(int other, const std::string& address, const std::string& prefix,
                     const std::function<void()>& give_up) {
  const std::optional<net::ServerAddress> server =
      MeshListener::Read(address, place_, prefix, other);
  CONVOY_CHECK(server, "[Gloo] rank {} of '{}' has left no address", other, prefix);
  while (true) {
    net::Channel::Failure failure;
    auto channel =
        net::Channel::Try(*server, net::Purpose::kMesh, rank(), Deadline(kTrySeconds), failure);
    if (channel) {
      if (channel->Send(MeshListener::Ready(), Deadline(kTrySeconds))) {
        return context_->Adopt(other, channel->Release());
      }
      failure.why = "connection closed";
    }
    {
      const std::lock_guard lock(mutex_);
      why_ =
          fmt::format(" at {} was not reached ({}){}", net::AddressText(server->host, server->port),
                      failure.why, WayOut(server->host, "its machine"));
    }
    give_up();
    ThrowIfAborted();
    Pause(kPauseSeconds);
  }
}

std::string Mesh::WhatConnectWaitsFor(const std::function<int(int)>& worker) const {
  const std::lock_guard lock(mutex_);
  if (awaited_ < 0) return {};
  std::string text = fmt::format("; worker {}{}", worker(awaited_), Printable(why_));
  if (why_.empty()) {
    text += fmt::format(" has not connected to this one{}", WayOut(place_.host, "this machine"));
  }
  if (unauthenticated_ > 0) {
    text += fmt::format(
        "; {} connections to this one ended before they had proved that they belong to this job",
        unauthenticated_);
  }
  return text;
}

void Mesh::Abort() noexcept {
  const std::lock_guard lock(mutex_);
  // Every time: to Gloo an abort ends a single wait.
  for (::gloo::transport::UnboundBuffer* buffer : waited_for_) {
    buffer->abortWaitRecv();
    buffer->abortWaitSend();
  }
  if (std::exchange(aborted_, true)) return;
  try {
    context_->Close();  // ends a Connect, and tells the others
  } catch (const std::exception&) {
    // Closed already.
  }
}

MeshBuffer::MeshBuffer(Mesh& mesh, void* data, size_t bytes)
    : mesh_(mesh), buffer_(mesh.context_->createUnboundBuffer(data, bytes)) {
  const std::lock_guard lock(mesh_.mutex_);
  if (mesh_.aborted_) throw MeshAborted();
  mesh_.waited_for_.insert(buffer_.get());
}

MeshBuffer::~MeshBuffer() {
  const std::lock_guard lock(mesh_.mutex_);
  mesh_.waited_for_.erase(buffer_.get());
}

void MeshBuffer::Send(int to, uint64_t slot, size_t offset, size_t bytes) {
  if (bytes == 0) return;
  const WithoutSigpipe guard;
  buffer_->send(to, slot, offset, bytes);
  ++sends_;
}

void MeshBuffer::Recv(int from, uint64_t slot, size_t offset, size_t bytes) {
  if (bytes == 0) return;
  const WithoutSigpipe guard;  // it tells the other worker
  buffer_->recv(from, slot, offset, bytes);
  ++recvs_;
}

void MeshBuffer::AwaitRecv() {
  if (!buffer_->waitRecv(kForever)) throw MeshAborted();
  --recvs_;
}

void MeshBuffer::AwaitSend() {
  if (!buffer_->waitSend(kForever)) throw MeshAborted();
  --sends_;
}

void MeshBuffer::Settle() {
  while (recvs_ > 0) AwaitRecv();
  while (sends_ > 0) AwaitSend();
}

}  // namespace convoy::transport
