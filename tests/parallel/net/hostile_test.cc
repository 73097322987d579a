// A server that strangers talk to: garbage, silence, crowds. Who belongs to the job notices
// nothing.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "parallel/store/store_server.h"
#include "parallel/store/tcp_store.h"
#include "tests/parallel/rendezvous/raw_client.h"

namespace convoy {
namespace {

constexpr char kSecret[] = "sesame";

// It answers those who belong to the job.
void CheckAlive(const store::StoreServer& server) {
  store::TcpStore store({.port = server.port(), .secret = kSecret}, 1, 20);
  CHECK(store.Add("alive", 1) > 0);
}

std::string Hello() { return net::ClientHandshake(kSecret, net::Purpose::kStore, 1).Hello(); }

TEST_CASE("Strangers get a closed connection and not a byte") {
  store::StoreServer server({.secret = kSecret});
  const std::string request = Frame(store::StoreRequest{.keys = {"k"}, .value = "v"});
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), std::string(4, '\0'),
        std::string(4, '\xff'), std::string("\x01\x01\0\0", 4), std::string("\x01\0\0\0\x09", 5),
        request, std::string("\x05\0\0\0\x01\x00\x00\x00\x00", 9)}) {
    RawClient stranger(server.port());
    stranger.Send(bytes);
    CHECK(stranger.Drain(10).empty());
    CHECK(stranger.closed());
  }
  CheckAlive(server);
}

TEST_CASE("A hello is answered with a random number, and all else but the proof with the end") {
  store::StoreServer server({.secret = kSecret});
  const std::string request = Frame(store::StoreRequest{.keys = {"k"}, .value = "v"});
  for (const std::string& second : {request, Hello(), std::string(40, 'x'),
                                    net::FrameWriter(3).Raw(std::string(32, '\0')).Take()}) {
    RawClient stranger(server.port());
    stranger.Send(Hello() + second);
    CHECK(stranger.Drain(10).size() <= 4 + 33);
    CHECK(stranger.closed());
  }
  store::TcpStore store({.port = server.port(), .secret = kSecret}, 1, 20);
  CHECK_THROWS(store.Get("k", 0));  // nobody has set it
}

TEST_CASE("Random bytes, whole and cut off, change nothing") {
  store::StoreServer server({.secret = kSecret});
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    std::string bytes = i % 3 == 0 ? Hello() : std::string(random() % 300, '\0');
    for (size_t at = i % 3 == 0 ? random() % bytes.size() : 0; at < bytes.size(); ++at) {
      bytes[at] = static_cast<char>(random());
    }
    RawClient stranger(server.port());
    stranger.Send(bytes);
  }
  CheckAlive(server);
}

TEST_CASE("Who does not prove itself in time is sent away") {
  store::StoreServer server({.secret = kSecret, .handshake_s = 0.2});
  RawClient silent(server.port()), slow(server.port());
  slow.Send(Hello().substr(0, 20));
  CHECK(silent.Drain(10).empty());
  CHECK(silent.closed());
  CHECK(slow.Drain(10).empty());
  CHECK(slow.closed());
  CheckAlive(server);
}

TEST_CASE("A crowd of silent strangers does not keep the job out") {
  store::StoreServer server({.secret = kSecret, .handshake_s = 60, .max_unauthenticated = 8});
  std::vector<std::unique_ptr<RawClient>> crowd;
  for (int i = 0; i < 40; ++i) crowd.push_back(std::make_unique<RawClient>(server.port()));
  CheckAlive(server);
  int closed = 0;
  for (const auto& stranger : crowd) {
    stranger->Drain(0.01);
    closed += stranger->closed();
  }
  CHECK(closed >= 32);  // they made room
}

TEST_CASE("Many workers that come at once are all served, however few strangers are allowed") {
  store::StoreServer server({.secret = kSecret, .max_unauthenticated = 4});
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back(
        [&, i] { store::TcpStore({.port = server.port(), .secret = kSecret}, i, 60).Add("n", 1); });
  }
  for (std::thread& thread : threads) thread.join();
  store::TcpStore store({.port = server.port(), .secret = kSecret}, 1, 20);
  CHECK(store.Get("n", 0) == "64");
}

TEST_CASE("A member that breaks the protocol loses its connection, and nobody else does") {
  store::StoreServer server({.secret = kSecret});
  store::TcpStore bystander({.port = server.port(), .secret = kSecret}, 2, 20);
  for (const std::string& bytes :
       {std::string("\xff\xff\xff\x7f", 4), std::string("\x01\0\0\0\x63", 5),
        std::string("\0\0\0\0", 4), Frame(store::StoreReply{})}) {
    const Deadline deadline(10);
    net::Channel member = net::Channel::Connect({.port = server.port(), .secret = kSecret},
                                                net::Purpose::kStore, 1, Deadline(10));
    CHECK(member.Send(bytes, deadline));
    CHECK(member.Receive(deadline) == net::Channel::Received::kGone);
  }
  CHECK(bystander.Add("n", 1) == 1);
}

TEST_CASE("A member that asks without end and takes no answer is held back") {
  store::StoreServer server({.secret = kSecret});
  store::TcpStore store({.port = server.port(), .secret = kSecret}, 2, 20);
  store.Set("large", std::string(store::kMaxValueBytes, 'v'));
  net::Channel member = net::Channel::Connect({.port = server.port(), .secret = kSecret},
                                              net::Purpose::kStore, 1, Deadline(10));
  const std::string ask =
      Frame(store::StoreRequest{.kind = store::StoreRequest::Kind::kGet, .keys = {"large"}});
  for (int i = 0; i < 100; ++i) member.Send(ask, Deadline(0.01));
  CHECK(store.Add("n", 1) == 1);
  // All answers come once it takes them.
  const Deadline deadline(60);
  for (int i = 0; i < 100; ++i) REQUIRE(member.Receive(deadline) == net::Channel::Received::kFrame);
}

TEST_CASE("A service that is not Convoy's is named as such") {
  const Descriptor listening = net::ListenAt("127.0.0.1", 0);
  std::thread banner([&] {
    net::WaitFor(listening.get(), POLLIN, 10);
    const Descriptor fd(accept(listening.get(), nullptr, nullptr));
    const std::string text("\x08\0\0\0SSH-2.0-", 12);
    [[maybe_unused]] const ssize_t sent = send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
    net::WaitFor(fd.get(), POLLRDHUP, 10);
  });
  CHECK_THROWS_WITH(store::TcpStore({.port = net::PortOf(listening), .secret = kSecret}, 1, 10),
                    Catch::Contains("something else answers: not a program of this version"));
  banner.join();
}

}  // namespace
}  // namespace convoy
