// Who does not know the secret is told nothing; nothing heard on the wire helps another time.
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <catch2/catch.hpp>
#include <optional>
#include <set>
#include <string>

#include "core/base/error.h"
#include "parallel/net/secret.h"

namespace convoy {
namespace {

std::string Body(const std::string& frame) { return frame.substr(4); }

// A side's reply in words: what a failure shows.
std::string Reply(const std::optional<std::string>& frame) {
  return frame ? fmt::format("a frame of {} bytes, kind {}", frame->size(), int{frame->at(4)})
               : "refused";
}

struct Outcome {
  bool server = false, client = false;
};

Outcome Shake(const std::string& of_client, const std::string& of_server) {
  net::ClientHandshake client(of_client, net::Purpose::kStatus, 3);
  net::ServerHandshake server(of_server);
  const auto challenge = server.Take(Body(client.Hello()));
  REQUIRE(challenge);
  const auto answer = client.Answer(Body(*challenge));
  REQUIRE(answer);
  const auto welcome = server.Take(Body(*answer));
  if (!welcome) return {server.done(), false};
  CHECK(server.purpose() == net::Purpose::kStatus);
  CHECK(server.rank() == 3);
  return {server.done(), client.Accepts(Body(*welcome))};
}

TEST_CASE("Both sides prove that they know the secret") {
  const Outcome same = Shake("sesame", "sesame");
  CHECK(same.server);
  CHECK(same.client);
  for (const char* wrong : {"Sesame", "sesam", "sesame "}) {
    CAPTURE(wrong);
    const Outcome outcome = Shake(wrong, "sesame");
    CHECK_FALSE(outcome.server);
    CHECK_FALSE(outcome.client);
  }
  CHECK_THROWS_WITH(net::ClientHandshake("", net::Purpose::kStore, 0),
                    "[Store] expected a secret of 1 to 4096 bytes, got 0; every process of a job "
                    "must have the same");
}

TEST_CASE("Secrets are 256 bits in hexadecimal digits, never the same") {
  std::set<std::string> secrets;
  for (int i = 0; i < 100; ++i) {
    const std::string secret = net::DrawSecret();
    CHECK(secret.size() == 64);
    CHECK(secret.find_first_not_of("0123456789abcdef") == std::string::npos);
    secrets.insert(secret);
  }
  CHECK(secrets.size() == 100);
}

TEST_CASE("A proof that was overheard opens no other connection") {
  net::ClientHandshake client("sesame", net::Purpose::kStore, 1);
  net::ServerHandshake first("sesame"), second("sesame");
  const std::string proof = *client.Answer(Body(*first.Take(Body(client.Hello()))));
  REQUIRE(second.Take(Body(client.Hello())));
  CHECK(Reply(second.Take(Body(proof))) == "refused");
  CHECK_FALSE(second.done());
}

TEST_CASE("A server's own proof does not serve a client that sends it back") {
  net::ClientHandshake client("sesame", net::Purpose::kStore, 1);
  net::ServerHandshake server("sesame");
  const std::string proof = *client.Answer(Body(*server.Take(Body(client.Hello()))));
  CHECK_FALSE(client.Accepts(Body(proof)));
  CHECK(client.Accepts(Body(*server.Take(Body(proof)))));
}

TEST_CASE("A proof holds for its purpose and its rank only") {
  net::ClientHandshake client("sesame", net::Purpose::kStore, 1);
  net::ServerHandshake server("sesame");
  std::string hello = Body(client.Hello());
  const int at = GENERATE(5, 6);  // behind kind and magic: purpose, then rank
  hello[static_cast<size_t>(at)] = 2;
  const auto challenge = server.Take(hello);
  REQUIRE(challenge);
  CHECK(Reply(server.Take(Body(*client.Answer(Body(*challenge))))) == "refused");
}

// A proof as its definition has it, put together by hand: the HMAC-SHA256 under the secret of a
// frame whose body is the side (3: client, 4: server, 5: server of another job), the context, the
// purpose, the rank, the nonces of client and server, and the job with its length before it, all
// little-endian.
std::string ProofByHand(const std::string& secret, char side, char purpose, int rank,
                        const std::string& client_nonce, const std::string& server_nonce,
                        const std::string& job) {
  std::string body{side};
  body += "convoy rendezvous 2";
  body += purpose;
  for (int shift = 0; shift < 32; shift += 8) body += static_cast<char>(rank >> shift & 255);
  body += client_nonce + server_nonce;
  for (int shift = 0; shift < 32; shift += 8) body += static_cast<char>(job.size() >> shift & 255);
  body += job;
  std::string frame;
  for (int shift = 0; shift < 32; shift += 8) {
    frame += static_cast<char>(body.size() >> shift & 255);
  }
  frame += body;
  unsigned char digest[32];
  unsigned bytes = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(frame.data()), frame.size(), digest, &bytes);
  REQUIRE(bytes == 32);
  return {reinterpret_cast<const char*>(digest), bytes};
}

TEST_CASE("Proofs are the HMAC of side, purpose, rank, both nonces and job, in this order") {
  constexpr int kRank = 0x01020304;
  net::ClientHandshake client("sesame", net::Purpose::kStatus, kRank, "job 7");
  net::ServerHandshake server("sesame", "job 7");
  const std::string hello = Body(client.Hello());
  const std::string challenge = Body(*server.Take(hello));
  const std::string client_nonce = hello.substr(10, 32), server_nonce = challenge.substr(1);
  REQUIRE(client_nonce.size() == 32);
  REQUIRE(server_nonce.size() == 32);
  CHECK(client_nonce != server_nonce);
  const std::string proof = Body(*client.Answer(challenge));
  CHECK(proof == std::string(1, '\3') +
                     ProofByHand("sesame", 3, 2, kRank, client_nonce, server_nonce, "job 7"));
  CHECK(Body(*server.Take(proof)) ==
        std::string(1, '\4') +
            ProofByHand("sesame", 4, 2, kRank, client_nonce, server_nonce, "job 7"));
}

TEST_CASE("Two jobs that share a secret are told apart, and the client is told which one it met") {
  net::ClientHandshake client("sesame", net::Purpose::kStore, 1, "RUN=1");
  net::ServerHandshake server("sesame", "RUN=2");
  const std::string answer = Body(*client.Answer(Body(*server.Take(Body(client.Hello())))));
  const std::string refusal = Body(*server.Take(answer));
  CHECK(server.of_other_job());
  CHECK_FALSE(server.done());
  CHECK_FALSE(client.Accepts(refusal));
  CHECK(client.OtherJob(refusal) == "RUN=2");
  for (size_t at = 0; at < refusal.size(); ++at) {  // nobody else can say so
    CAPTURE(at);
    std::string spoiled = refusal;
    spoiled[at] = static_cast<char>(spoiled[at] ^ 1);
    CHECK_FALSE(client.OtherJob(spoiled).has_value());
  }
  CHECK(Reply(server.Take(answer)) == "refused");
  CHECK_THROWS_WITH(net::ClientHandshake("sesame", net::Purpose::kStore, 1, std::string(129, 'j')),
                    "[Store] expected a job's name of at most 128 bytes, got 129");
}

TEST_CASE("Both ends have the same keys, others for each direction and connection") {
  std::set<net::Digest> keys;
  for (int i = 0; i < 10; ++i) {
    net::ClientHandshake client("sesame", net::Purpose::kStore, 1);
    net::ServerHandshake server("sesame");
    REQUIRE(client.Accepts(
        Body(*server.Take(Body(*client.Answer(Body(*server.Take(Body(client.Hello())))))))));
    CHECK(client.keys().from_client == server.keys().from_client);
    CHECK(client.keys().from_server == server.keys().from_server);
    keys.insert(client.keys().from_client);
    keys.insert(client.keys().from_server);
  }
  CHECK(keys.size() == 20);
}

TEST_CASE("Secrets that may be guessed are known as such, and those that are drawn are not") {
  for (const char* weak :
       {"", "0123456789abcdef", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "abababababababababababababababababab", "0123456789abcdef0123456789abcde"}) {
    CAPTURE(weak);
    CHECK(net::IsWeakSecret(weak));
  }
  for (int i = 0; i < 100; ++i) CHECK_FALSE(net::IsWeakSecret(net::DrawSecret()));
}

TEST_CASE("A proof that is wrong in any one byte is refused, by either side") {
  for (size_t at = 0; at < 33; ++at) {
    CAPTURE(at);
    const auto spoiled = [at](std::string body) {
      body[at] = static_cast<char>(body[at] ^ 1);
      return body;
    };
    net::ClientHandshake client("sesame", net::Purpose::kStore, 1);
    net::ServerHandshake server("sesame"), other("sesame");
    const std::string proof = Body(*client.Answer(Body(*server.Take(Body(client.Hello())))));
    REQUIRE(proof.size() == 33);
    const std::string welcome = Body(*server.Take(proof));
    REQUIRE(welcome.size() == 33);
    CHECK_FALSE(client.Accepts(spoiled(welcome)));
    CHECK(client.Accepts(welcome));

    const std::string second = Body(*client.Answer(Body(*other.Take(Body(client.Hello())))));
    CHECK(Reply(other.Take(spoiled(second))) == "refused");
    CHECK_FALSE(other.done());
  }
}

TEST_CASE("A proof that is cut short or goes on is refused") {
  net::ClientHandshake client("sesame", net::Purpose::kStore, 1);
  net::ServerHandshake server("sesame"), longer("sesame");
  const std::string proof = Body(*client.Answer(Body(*server.Take(Body(client.Hello())))));
  const std::string welcome = Body(*server.Take(proof));
  CHECK_FALSE(client.Accepts(welcome.substr(0, 17)));
  CHECK_FALSE(client.Accepts(welcome + '\0'));
  CHECK(Reply(server.Take(proof)) == "refused");  // nothing comes after the handshake
  const std::string again = Body(*client.Answer(Body(*longer.Take(Body(client.Hello())))));
  CHECK(Reply(longer.Take(again + '\0')) == "refused");
}

TEST_CASE("What is no frame of the handshake is turned away") {
  for (const std::string& text : {std::string("GET / HTTP/1.1\r\n"), std::string("\x01"),
                                  std::string(43, '\0'), std::string(43, '\xff')}) {
    net::ServerHandshake server("sesame");
    CHECK(Reply(server.Take(text)) == "refused");
    net::ClientHandshake client("sesame", net::Purpose::kStore, 1);
    CHECK(Reply(client.Answer(text)) == "refused");
    CHECK_FALSE(client.Accepts(text));
  }
}

}  // namespace
}  // namespace convoy
