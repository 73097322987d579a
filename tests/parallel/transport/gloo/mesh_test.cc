// Gloo's connections: strangers at the listening port, and workers that are gone at once.
#include "parallel/transport/gloo/mesh.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "parallel/store/memory_store.h"
#include "parallel/transport/gloo/mesh_listener.h"
#include "tests/parallel/rendezvous/raw_client.h"
#include "tests/parallel/transport/gloo/gloo_workers.h"

namespace convoy {
namespace {

const transport::MeshPlace kPlace{"127.0.0.1", "sesame"};

// Where a rank's listener is, once it has told.
net::ServerAddress ListenerOf(store::Store& store, int rank) {
  const auto listener = transport::MeshListener::Read(store.Get("mesh/" + std::to_string(rank), 30),
                                                      kPlace, "mesh", rank);
  CONVOY_CHECK(listener, "[MeshTest] expected the address of a listener");
  return *listener;
}

// One byte from each worker to each other one: what each has received, with '-' for itself.
std::vector<std::string> Exchange(const std::vector<std::unique_ptr<transport::Mesh>>& meshes) {
  std::vector<std::string> received(meshes.size(), std::string(meshes.size(), '-'));
  std::vector<std::thread> workers;
  for (const auto& mesh : meshes) {
    workers.emplace_back([&mesh = *mesh, &received] {
      std::string& got = received[static_cast<size_t>(mesh.rank())];
      char sent = static_cast<char>('a' + mesh.rank());
      transport::MeshBuffer out(mesh, &sent, 1), in(mesh, got.data(), got.size());
      for (int other = 0; other < mesh.size(); ++other) {
        if (other == mesh.rank()) continue;
        in.Recv(other, 0, static_cast<size_t>(other), 1);
        out.Send(other, 0, 0, 1);
      }
      in.Settle();
      out.Settle();
    });
  }
  for (std::thread& worker : workers) worker.join();
  return received;
}

// How many of this process's TCP connections would be given up by the system, although the other
// end answers, when it takes nothing for a while.
int ImpatientConnections() {
  int count = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    unsigned timeout_ms = 0;
    socklen_t bytes = sizeof(timeout_ms);
    const int result = getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, &bytes);
    count += result == 0 && timeout_ms > 0;
  }
  return count;
}

TEST_CASE("Gloo: strangers who come first to every port are turned away, and all workers connect") {
  constexpr int kWorkers = 7;
  store::MemoryStore store;
  std::vector<std::unique_ptr<transport::Mesh>> meshes;
  for (int rank = 0; rank < kWorkers; ++rank) {
    meshes.push_back(std::make_unique<transport::Mesh>(rank, kWorkers, kPlace));
  }
  // Each worker starts only when the listeners of those before it have had their strangers: some
  // stay and say nothing, one talks, and one is gone at once.
  std::vector<RawClient> strangers;
  std::vector<std::thread> workers;
  for (int rank = 0; rank < kWorkers; ++rank) {
    workers.emplace_back(
        [&, rank] { meshes[static_cast<size_t>(rank)]->Connect(store, "mesh", [] {}); });
    if (rank == kWorkers - 1) break;  // nobody connects to it, so it may be done by now
    const int port = ListenerOf(store, rank).port;
    for (int i = 0; i < 3; ++i) strangers.emplace_back(port);
    strangers.back().Send("GET / HTTP/1.1\r\n\r\n");
    RawClient(port).Send("x");
  }
  for (std::thread& worker : workers) worker.join();
  strangers.clear();
  CHECK(ImpatientConnections() == 0);
  const std::vector<std::string> received = Exchange(meshes);
  for (size_t rank = 0; rank < kWorkers; ++rank) {
    std::string expected = "abcdefg";
    expected[rank] = '-';
    CHECK(received[rank] == expected);
  }
}

TEST_CASE("Gloo: a worker of another mesh is a stranger, although it knows the secret") {
  store::MemoryStore store;
  transport::Mesh mesh(0, 2, kPlace);
  std::atomic<bool> over{false};
  std::string error;
  std::thread connects([&] {
    try {
      mesh.Connect(store, "mesh", [&] { CONVOY_CHECK(!over, "enough"); });
    } catch (const Error& problem) {
      error = problem.what();
    }
  });
  net::ServerAddress listener = ListenerOf(store, 0);
  listener.job.back() ^= 1;
  net::Channel::Failure failure;
  CHECK_FALSE(net::Channel::Try(listener, net::Purpose::kMesh, 1, Deadline(30), failure));
  CHECK_THAT(failure.why, Catch::Contains("another job is there"));
  listener.job.back() ^= 1;
  for (const int rank : {0, 2, -1}) {  // only 1 is awaited
    std::optional<net::Channel> channel =
        net::Channel::Try(listener, net::Purpose::kMesh, rank, Deadline(30), failure);
    REQUIRE(channel);
    CHECK(channel->Send(transport::MeshListener::Ready(), Deadline(30)));
    CHECK(channel->Receive(Deadline(30)) == net::Channel::Received::kGone);
  }
  const auto name = [](int rank) { return rank + 10; };
  while (mesh.WhatConnectWaitsFor(name).find(
             "before they had proved that they belong to this job") == std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  CHECK_THAT(mesh.WhatConnectWaitsFor(name),
             Catch::StartsWith("; worker 11 has not connected to this one; "));
  over = true;
  connects.join();
  CHECK(error == "enough");
}

TEST_CASE("Gloo: a worker that is gone as soon as it has connected does not end the others") {
  for (int i = 0; i < 30; ++i) {
    store::MemoryStore store;
    transport::Mesh mesh(0, 2, kPlace);
    std::thread connects([&] {
      try {
        mesh.Connect(store, "mesh", [] {});
        char byte = 0;
        transport::MeshBuffer in(mesh, &byte, 1);
        in.Recv(1, 0, 0, 1);
        in.Settle();
      } catch (const std::exception&) {  // as soon as it is noticed
      }
    });
    net::Channel::Failure failure;
    std::optional<net::Channel> channel =
        net::Channel::Try(ListenerOf(store, 0), net::Purpose::kMesh, 1, Deadline(30), failure);
    REQUIRE(channel);
    CHECK(channel->Send(transport::MeshListener::Ready(), Deadline(30)));
    Descriptor fd = channel->Release();
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    std::this_thread::sleep_for(std::chrono::microseconds(50 * i));
    fd.Close();
    connects.join();
    mesh.Abort();
  }
}

// Both workers send each other messages until the mesh is aborted, or the other is gone.
void Chat(transport::Mesh& mesh) {
  constexpr size_t kMessages = 500;
  char sent[kMessages] = {}, received[kMessages] = {};
  try {
    transport::MeshBuffer out(mesh, sent, sizeof(sent)), in(mesh, received, sizeof(received));
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
    store::MemoryStore store;
    transport::Mesh zero(0, 2, kPlace), one(1, 2, kPlace);
    std::atomic<int> ended{0};
    std::atomic<bool> connected{false};
    std::thread other([&] {
      one.Connect(store, "mesh", [] {});
      connected = true;
      Chat(one);
      ++ended;
    });
    zero.Connect(store, "mesh", [] {});
    while (!connected) std::this_thread::yield();
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
