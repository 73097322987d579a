// Gloo's connections from one worker to all others, and messages over them.
#pragma once

#include <gloo/context.h>
#include <gloo/transport/device.h>
#include <gloo/transport/unbound_buffer.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>

#include "parallel/store/store.h"

namespace convoy::transport {

/// What waits on a mesh throw once it was aborted.
struct MeshAborted : std::runtime_error {
  MeshAborted() : std::runtime_error("the connections were closed") {}
};

/// Where the workers of a mesh find each other, and how they know each other.
struct MeshPlace {
  std::string host;    ///< where the other workers reach this machine: an address or a name
  std::string secret;  ///< what all workers of the job know, and nobody else
};

/// TCP connections to all other workers. Both ends of a connection first prove that they know the
/// job's secret; a peer that cannot is disconnected before Gloo reads a byte from it. The data that
/// follows is neither encrypted nor authenticated. Errors on a connection are ::gloo::Exceptions.
/// Nothing here has a deadline, because a deadline that passes in Gloo closes all connections: the
/// group's watchdog calls Abort instead.
class Mesh {
 public:
  Mesh(int rank, int size, MeshPlace place);
  /// For a part of a run's workers, on the same address.
  Mesh(int rank, int size, const Mesh& other);
  ~Mesh();
  Mesh(const Mesh&) = delete;
  Mesh& operator=(const Mesh&) = delete;

  /// Returns when all workers are connected. Their addresses go through the store, under names that
  /// start with `prefix`. Collective. `give_up` is called now and then, and throws to end it.
  void Connect(store::Store& store, const std::string& prefix,
               const std::function<void()>& give_up);

  /// What keeps Connect waiting, for a message: "; worker 1 at 10.0.0.7:4711 was not reached
  /// (connection refused)...", or empty. `worker` gives the number of a rank. From any thread.
  std::string WhatConnectWaitsFor(const std::function<int(int)>& worker) const;

  int rank() const;
  int size() const;

  /// Ends every wait, now and later, with MeshAborted. From any thread.
  void Abort() noexcept;

 private:
  friend class MeshBuffer;
  class Context;
  class Pair;

  void ConnectTo(int other, const std::string& address, const std::string& prefix,
                 const std::function<void()>& give_up);
  void ThrowIfAborted() const;

  const MeshPlace place_;
  const std::shared_ptr<::gloo::transport::Device> device_;
  const std::shared_ptr<Context> context_;
  mutable std::mutex mutex_;
  std::set<::gloo::transport::UnboundBuffer*> waited_for_;  // buffers that an abort must reach
  bool aborted_ = false;
  int awaited_ = -1;         // the rank whose connection Connect waits for
  std::string why_;          // it is not there; of one that connects by itself: empty
  int unauthenticated_ = 0;  // connections that have ended here without a proof
};

/// Memory that messages come from and go to. Messages between two workers meet by their slot, and
/// those of one slot in their order. Not safe to use from two threads at once.
class MeshBuffer {
 public:
  MeshBuffer(Mesh& mesh, void* data, size_t bytes);
  /// What is still under way is dropped, and the connection with it: Settle first.
  ~MeshBuffer();
  MeshBuffer(const MeshBuffer&) = delete;
  MeshBuffer& operator=(const MeshBuffer&) = delete;

  /// Start a message from or to `bytes` of the memory; of nothing if that is 0.
  void Send(int to, uint64_t slot, size_t offset, size_t bytes);
  void Recv(int from, uint64_t slot, size_t offset, size_t bytes);

  /// Waits for one more message from anybody: in order, if all are from one.
  void AwaitRecv();
  /// Waits for all that has been started.
  void Settle();
  /// As Settle, but returns false once Interrupt was called, and at times for no reason at all:
  /// call it again to go on waiting.
  bool WaitUnlessInterrupted();
  /// Ends a WaitUnlessInterrupted that waits, or the next one. From any thread.
  void Interrupt();

 private:
  void AwaitSend();
  void CheckNotAborted();

  Mesh& mesh_;
  std::unique_ptr<::gloo::transport::UnboundBuffer> buffer_;
  int sends_ = 0, recvs_ = 0;  // started, and not awaited yet
};

}  // namespace convoy::transport
