// The server of a job's store: in worker 0's process.
#pragma once

#include <map>
#include <string>

#include "parallel/net/frame_server.h"
#include "parallel/store/store_service.h"

namespace convoy::store {

/// Serves TcpStores of processes that know the secret, from a thread of its own, until it is
/// destroyed. Values live as long as the server.
class StoreServer {
 public:
  /// `status pages`: what serves the StatusClients of the job; none: they are turned away. It lives
  /// longer than the server. Throws: Error if it cannot listen there.
  explicit StoreServer(const net::FrameServerOptions& options, net::FrameService* pages = nullptr)
      : server_(options, Services(pages)) {}

  int port() const { return server_.port(); }
  /// The address under which this machine reaches it: "127.0.0.1".
  std::string host() const { return server_.host(); }

 private:
  std::map<net::Purpose, net::FrameService*> Services(net::FrameService* pages) {
    std::map<net::Purpose, net::FrameService*> services{{net::Purpose::kStore, &store_}};
    if (pages != nullptr) services.emplace(net::Purpose::kStatus, pages);
    return services;
  }

  StoreService store_;
  net::FrameServer server_;
};

}  // namespace convoy::store
