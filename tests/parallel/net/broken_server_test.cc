// A server that breaks down: the job is told why, and nobody waits for it any more.
#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "parallel/status/status_client.h"
#include "parallel/status/status_server.h"
#include "parallel/store/store_server.h"
#include "tests/parallel/rendezvous/eventually.h"

namespace convoy {
namespace {

using Catch::Contains;

constexpr char kSecret[] = "sesame";

// A store that runs out of something.
class Exhausted final : public net::FrameService {
 public:
  bool Received(net::FrameConnection&, std::string_view) override {
    throw std::runtime_error("out of room");
  }
};

TEST_CASE("A server that breaks down fails the job on all its workers, and refuses who comes") {
  const auto page = status::StatusPage::Make(3), others = status::StatusPage::Make(3);
  status::StatusServer status_server(page);
  Exhausted store;
  net::FrameServer server({.secret = kSecret}, {{net::Purpose::kStore, &store},
                                                {net::Purpose::kStatus, &status_server}});
  const net::ServerAddress address{.port = server.port(), .secret = kSecret};
  const Deadline deadline(30);
  status::StatusClient link(
      others, 1, net::Channel::Connect(address, net::Purpose::kStatus, 1, deadline), deadline);
  CHECK(server.host() == "127.0.0.1");

  net::Channel asks = net::Channel::Connect(address, net::Purpose::kStore, 1, deadline);
  REQUIRE(asks.Send(Frame(store::StoreRequest{.keys = {"k"}, .value = "v"}), deadline));
  CHECK(asks.Receive(deadline) == net::Channel::Received::kGone);

  REQUIRE(Eventually([&] { return page->failed(); }));
  CHECK_THAT(page->failure(),
             Contains("[worker 0 of 3] [Store] the server through which the workers find each "
                      "other has broken down: out of room"));
  REQUIRE(Eventually([&] { return others->failed(); }));
  CHECK(others->failure() == page->failure());

  std::string why;
  REQUIRE(Eventually([&] { return !net::TryConnect("127.0.0.1", server.port(), 5, why); }));
  CHECK_THAT(why, Contains("refused"));
}

}  // namespace
}  // namespace convoy
