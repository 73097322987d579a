// Gloo's connections, when whoever is at the other end is gone at once.
#include "parallel/gloo/mesh.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
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

// Both workers send each other messages until the mesh is aborted, or the other is gone.
void Chat(Mesh& mesh) {
  constexpr size_t kMessages = 500;
  char sent[kMessages] = {}, received[kMessages] = {};
  try {
    MeshBuffer out(mesh, sent, sizeof(sent)), in(mesh, received, sizeof(received));
    while (true) {
      for (size_t i = 0; i < kMessages; ++i) {
        in.Recv(1 - mesh.rank(), i, i, 1);
        out.Send(1 - mesh.rank(), i, i, 1);
      }
      in.Settle();
      out.Settle();
    }
  } catch (const std::exception&) {
  }
}

// SIGPIPE would end this process.
TEST_CASE("Gloo: writing to a worker that is gone is an error") {
  for (int i = 0; i < 50; ++i) {
    MemoryStore store;
    Mesh zero(0, 2, "127.0.0.1"), one(1, 2, "127.0.0.1");
    std::atomic<int> ended{0};
    std::thread other([&] {
      one.Connect(store, "mesh", [] {});
      Chat(one);
      ++ended;
    });
    zero.Connect(store, "mesh", [] {});
    std::thread leaves([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(2000 + 50 * i));
      one.Abort();
      while (ended < 2) {  // again and again, as a group's watcher does
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        one.Abort();
        zero.Abort();
      }
    });
    Chat(zero);
    ++ended;
    other.join();
    leaves.join();
  }
}

}  // namespace
}  // namespace convoy
