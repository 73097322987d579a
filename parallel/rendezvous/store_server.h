// The server of a job's store: in worker 0's process.
#pragma once

#include <map>
#include <string>

#include "parallel/rendezvous/frame_server.h"
#include "parallel/rendezvous/store_service.h"

namespace convoy {

/// Serves TcpStores of processes that know the secret, from a thread of its own, until it is
/// destroyed. Values live as long as the server.
class StoreServer {
 public:
  /// `boards`: what serves the BoardLinks of the job; none: they are turned away. It lives longer
  /// than the server. Throws: Error if it cannot listen there.
  explicit StoreServer(const FrameServerOptions& options, FrameService* boards = nullptr)
      : server_(options, Services(boards)) {}

  int port() const { return server_.port(); }
  /// The address under which this machine reaches it: "127.0.0.1".
  std::string host() const { return server_.host(); }

 private:
  std::map<Purpose, FrameService*> Services(FrameService* boards) {
    std::map<Purpose, FrameService*> services{{Purpose::kStore, &store_}};
    if (boards != nullptr) services.emplace(Purpose::kBoard, boards);
    return services;
  }

  StoreService store_;
  FrameServer server_;
};

}  // namespace convoy
