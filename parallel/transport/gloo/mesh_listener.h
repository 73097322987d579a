// Where the other workers' connections for a mesh come in.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "parallel/net/channel.h"
#include "parallel/net/frame_server.h"
#include "parallel/net/socket.h"
#include "parallel/transport/gloo/mesh.h"

namespace convoy::transport {

/// Takes connections of higher ranks that have proved that they know the job's secret and this
/// mesh, on a thread of its own, while it lives.
class MeshListener final : private net::FrameService {
 public:
  /// Listens on the place's host, on a free port. `name`: of the mesh, the same for all its ranks.
  MeshListener(const MeshPlace& place, const std::string& name, int rank, int size);

  /// What the others have to know, for the store: lines with host, port, and random digits that no
  /// other mesh has.
  const std::string& address() const { return address_; }
  /// What rank `rank` of mesh `name` has left; none if it is none.
  static std::optional<net::ServerAddress> Read(const std::string& address, const MeshPlace& place,
                                                const std::string& name, int rank);
  /// The one frame that the other end sends once it has let this one in. Only then does either use
  /// the connection: one that the other end has given up meanwhile is forgotten.
  static std::string Ready();

  /// The connection of that rank; none if it has not come within `timeout_s`. Throws: Error if the
  /// listener has broken down.
  Descriptor Take(int rank, double timeout_s);
  /// How many connections have ended before they had proved that they belong to this mesh.
  int turned_away() const { return server_->turned_away(); }

 private:
  bool Received(net::FrameConnection& peer, std::string_view body) override;
  void OnServerFailure(const std::string& why) override;

  const int rank_, size_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::map<int, Descriptor> connections_;  // by rank
  std::optional<std::string> broken_;
  std::string address_;
  std::optional<net::FrameServer> server_;
};

}  // namespace convoy::transport
