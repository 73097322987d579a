// Gloo's connections, when whoever is at the other end is gone at once.
#include "parallel/gloo/mesh.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <thread>

#include "tests/parallel/gloo/gloo_workers.h"

namespace convoy {
namespace {

// Connects to where a pair listens, and breaks the connection off.
bool Tease(const std::string& address) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  std::memcpy(&to, address.data(), sizeof(to));
  const bool connected = connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0;
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  close(fd);
  return connected;
}

TEST_CASE("Gloo: a worker that is gone as soon as it has connected does not end the others") {
  for (int i = 0; i < 30; ++i) {
    MemoryStore store;
    std::atomic<bool> over{false};
    Mesh mesh(0, 2, "127.0.0.1");
    std::thread connects([&] {
      CHECK_THROWS_AS(
          mesh.Connect(store, "mesh", [&] { CONVOY_CHECK(!over, "the worker is gone"); }), Error);
    });
    // A pair's address opens with that of its socket.
    CHECK(Tease(store.Get("mesh/0", 30)));
    over = true;
    connects.join();
    mesh.Abort();
  }
}

}  // namespace
}  // namespace convoy
