// Gloo's connections from one worker to all others, and messages over them.
#include "parallel/gloo/mesh.h"

#include <gloo/transport/context.h>
#include <gloo/transport/pair.h>
#include <gloo/transport/tcp/address.h>
#include <gloo/transport/tcp/device.h>
#include <sys/socket.h>

#include <chrono>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/error_text.h"
#include "parallel/gloo/without_sigpipe.h"
#include "parallel/processes/descriptors.h"

// Takes the place of the library's own, which throws if the peer is gone again already: on a thread
// of the library, where nothing catches it and the process ends. The first message finds that out.
gloo::transport::tcp::Address gloo::transport::tcp::Address::fromPeerName(int fd) {
  sockaddr_storage peer{};
  socklen_t bytes = sizeof(peer);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &bytes) != 0) peer.ss_family = AF_INET;
  return Address(peer);
}

namespace convoy {
namespace {

// Gloo adds it to the time of now.
constexpr std::chrono::milliseconds kForever = std::chrono::hours(24 * 365);
// How often a wait for the store looks whether to give up.
constexpr double kLookSeconds = 0.2;

std::shared_ptr<::gloo::transport::Device> MakeDevice(const std::string& host) {
  ::gloo::transport::tcp::attr attributes;
  attributes.hostname = host;
  const WithoutSigpipe guard;  // for the thread that it starts
  try {
    return ::gloo::transport::tcp::CreateDevice(attributes);
  } catch (const std::exception& error) {
    Fail("[Gloo] cannot use the address '{}' of this machine: {}", host, ErrorText(error));
  }
}

std::string KeyOf(const std::string& prefix, int rank) {
  return prefix + "/" + std::to_string(rank);
}

// What `rank` has left, as soon as it has.
std::string Fetch(Store& store, const std::string& key, const std::function<void()>& give_up) {
  while (true) {
    try {
      return store.Get(key, kLookSeconds);
    } catch (const Error&) {
      give_up();
    }
  }
}

}  // namespace

// Gloo's own way to connect cannot be ended from outside, so the pairs are made here.
class Mesh::Context final : public ::gloo::Context {
 public:
  Context(int rank, int size, const std::shared_ptr<::gloo::transport::Device>& device)
      : ::gloo::Context(rank, size) {
    AllowDescriptors(2 * size);  // a listening socket and a connection for each
    device_ = device;
    transportContext_ = device->createContext(rank, size);
    transportContext_->setTimeout(kForever);
    setTimeout(kForever);
    for (int other = 0; other < size; ++other) {
      if (other != rank) transportContext_->createPair(other);
    }
  }

  // One after the other, those of worker `of` left out; all are of one length.
  std::string Addresses() {
    std::string text;
    for (int other = 0; other < size; ++other) {
      if (other == rank) continue;
      const std::vector<char> bytes = getPair(other)->address().bytes();
      text.append(bytes.begin(), bytes.end());
    }
    return text;
  }

  // `addresses` as worker `other` has listed them.
  void ConnectTo(int other, std::string_view addresses) {
    const size_t length = addresses.size() / static_cast<size_t>(size - 1);
    const size_t place = static_cast<size_t>(rank < other ? rank : rank - 1);
    const std::string_view mine = addresses.substr(place * length, length);
    getPair(other)->connect(std::vector<char>(mine.begin(), mine.end()));
  }

  void Close() {
    for (int other = 0; other < size; ++other) {
      if (other != rank) getPair(other)->close();
    }
  }
};

Mesh::Mesh(int rank, int size, const std::string& host)
    : device_(MakeDevice(host)), context_(std::make_shared<Context>(rank, size, device_)) {}

Mesh::Mesh(int rank, int size, const Mesh& other)
    : device_(other.device_), context_(std::make_shared<Context>(rank, size, device_)) {}

Mesh::~Mesh() = default;

int Mesh::rank() const { return context_->rank; }
int Mesh::size() const { return context_->size; }

void Mesh::Connect(Store& store, const std::string& prefix, const std::function<void()>& give_up) {
  if (size() == 1) return;
  const WithoutSigpipe guard;
  store.Set(KeyOf(prefix, rank()), context_->Addresses());
  for (int other = 0; other < size(); ++other) {
    if (other == rank()) continue;
    context_->ConnectTo(other, Fetch(store, KeyOf(prefix, other), give_up));
  }
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

}  // namespace convoy
