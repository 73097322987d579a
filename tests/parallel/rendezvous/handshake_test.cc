// Who does not know the secret is told nothing; nothing heard on the wire helps another time.
#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "core/error.h"
#include "parallel/rendezvous/secret.h"

namespace convoy {
namespace {

std::string Body(const std::string& frame) { return frame.substr(4); }

struct Outcome {
  bool server = false, client = false;
};

Outcome Shake(const std::string& of_client, const std::string& of_server) {
  ClientHandshake client(of_client, Purpose::kBoard, 3);
  ServerHandshake server(of_server);
  const auto challenge = server.Take(Body(client.Hello()));
  REQUIRE(challenge);
  const auto answer = client.Answer(Body(*challenge));
  REQUIRE(answer);
  const auto welcome = server.Take(Body(*answer));
  if (!welcome) return {server.done(), false};
  CHECK(server.purpose() == Purpose::kBoard);
  CHECK(server.rank() == 3);
  return {server.done(), client.Accepts(Body(*welcome))};
}

TEST_CASE("Both sides prove that they know the secret") {
  const Outcome same = Shake("sesame", "sesame");
  CHECK((same.server && same.client));
  for (const char* wrong : {"Sesame", "sesam", "sesame "}) {
    const Outcome outcome = Shake(wrong, "sesame");
    CHECK_FALSE(outcome.server);
    CHECK_FALSE(outcome.client);
  }
  CHECK_THROWS_WITH(ClientHandshake("", Purpose::kStore, 0),
                    "[Store] expected a secret of 1 to 4096 bytes, got 0; every process of a job "
                    "must have the same");
}

TEST_CASE("Secrets are 256 bits in hexadecimal digits, never the same") {
  std::set<std::string> secrets;
  for (int i = 0; i < 100; ++i) {
    const std::string secret = DrawSecret();
    CHECK(secret.size() == 64);
    CHECK(secret.find_first_not_of("0123456789abcdef") == std::string::npos);
    secrets.insert(secret);
  }
  CHECK(secrets.size() == 100);
}

TEST_CASE("A proof that was overheard opens no other connection") {
  ClientHandshake client("sesame", Purpose::kStore, 1);
  ServerHandshake first("sesame"), second("sesame");
  const std::string proof = *client.Answer(Body(*first.Take(Body(client.Hello()))));
  REQUIRE(second.Take(Body(client.Hello())));
  CHECK_FALSE(second.Take(Body(proof)));
  CHECK_FALSE(second.done());
}

TEST_CASE("A server's own proof does not serve a client that sends it back") {
  ClientHandshake client("sesame", Purpose::kStore, 1);
  ServerHandshake server("sesame");
  const std::string proof = *client.Answer(Body(*server.Take(Body(client.Hello()))));
  CHECK_FALSE(client.Accepts(Body(proof)));
  CHECK(client.Accepts(Body(*server.Take(Body(proof)))));
}

TEST_CASE("A proof holds for its purpose and its rank only") {
  ClientHandshake client("sesame", Purpose::kStore, 1);
  ServerHandshake server("sesame");
  std::string hello = Body(client.Hello());
  const int at = GENERATE(5, 6);  // behind kind and magic: purpose, then rank
  hello[static_cast<size_t>(at)] = 2;
  const auto challenge = server.Take(hello);
  REQUIRE(challenge);
  CHECK_FALSE(server.Take(Body(*client.Answer(Body(*challenge)))));
}

TEST_CASE("What is no frame of the handshake is turned away") {
  for (const std::string& text : {std::string("GET / HTTP/1.1\r\n"), std::string("\x01"),
                                  std::string(43, '\0'), std::string(43, '\xff')}) {
    ServerHandshake server("sesame");
    CHECK_FALSE(server.Take(text));
    ClientHandshake client("sesame", Purpose::kStore, 1);
    CHECK_FALSE(client.Answer(text));
    CHECK_FALSE(client.Accepts(text));
  }
}

}  // namespace
}  // namespace convoy
