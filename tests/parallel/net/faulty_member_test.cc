// A member of the job, with the secret in its hand, that breaks the rules: what it may cost, and
// that it is named.
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "parallel/net/frame_mac.h"
#include "parallel/rendezvous/meeting.h"
#include "parallel/store/store_server.h"
#include "parallel/store/tcp_store.h"
#include "tests/parallel/rendezvous/eventually.h"
#include "tests/parallel/rendezvous/raw_client.h"
#include "tests/peak_memory.h"

namespace convoy {
namespace {

using Catch::Contains;

constexpr char kSecret[] = "sesame";

// Introduces itself as everybody does, and then sends what a test likes.
class FaultyMember {
 public:
  FaultyMember(int port, int rank, net::Purpose purpose = net::Purpose::kStore) : client_(port) {
    net::ClientHandshake handshake(kSecret, purpose, rank);
    client_.Send(handshake.Hello());
    client_.Send(*handshake.Answer(Take()));
    CONVOY_CHECK(handshake.Accepts(Take()), "[FaultyMember] the server does not accept it");
    mac_.emplace(handshake.keys().from_client);
  }

  std::string Sign(const store::StoreRequest& request) { return mac_->Sign(Frame(request)); }
  bool Send(std::string_view bytes) { return client_.Send(bytes); }
  // Whether the server closes the connection.
  bool IsClosed(double timeout_s = 30) {
    client_.Drain(timeout_s);
    return client_.closed();
  }

 private:
  // The body of the next frame.
  std::string Take() {
    const std::string length = client_.Take(net::kFrameLengthBytes);
    return client_.Take(net::FrameReader(length).U32());
  }

  RawClient client_;
  std::optional<net::FrameMac> mac_;
};

store::StoreRequest AddOne() {
  return {.kind = store::StoreRequest::Kind::kAdd, .keys = {"n"}, .amount = 1};
}

struct Fault {
  const char* name;
  // What is sent instead of two signed frames.
  std::string (*spoil)(const std::string& first, const std::string& second);
  const char* sum;  // of what the server has added
};

constexpr Fault kFaults[] = {
    {"repeated", [](const auto& first, const auto&) { return first + first; }, "1"},
    {"left out", [](const auto&, const auto& second) { return second; }, nullptr},
    {"reordered", [](const auto& first, const auto& second) { return second + first; }, nullptr},
    {"changed",
     [](const auto& first, const auto& second) {
       std::string changed = first + second;
       changed[first.size() + net::kFrameLengthBytes + 1] ^= 1;
       return changed;
     },
     "1"},
    {"without a MAC", [](const auto& first, const auto&) { return first + Frame(AddOne()); }, "1"},
};

TEST_CASE("A frame that is repeated, left out, reordered or changed is noticed, and not obeyed") {
  for (const Fault& fault : kFaults) {
    CAPTURE(fault.name);
    std::atomic<int> named{-1};
    store::StoreServer server({.secret = kSecret, .forged = [&](int rank) { named = rank; }});
    FaultyMember member(server.port(), 3);
    const std::string first = member.Sign(AddOne()), second = member.Sign(AddOne());
    member.Send(fault.spoil(first, second));
    CHECK(member.IsClosed());
    CHECK(named == 3);
    store::TcpStore store({.port = server.port(), .secret = kSecret}, 1, 20);
    if (fault.sum != nullptr) {
      CHECK(store.Get("n", 0) == fault.sum);
    } else {
      CHECK_THROWS(store.Get("n", 0));
    }
  }
}

TEST_CASE("A frame of one connection is not taken on another, of the same worker or not") {
  store::StoreServer server({.secret = kSecret});
  FaultyMember recorded(server.port(), 3), same(server.port(), 3), other(server.port(), 4);
  const std::string frame = recorded.Sign(AddOne());
  for (FaultyMember* replaying : {&same, &other}) {
    replaying->Send(frame);
    CHECK(replaying->IsClosed());
  }
  recorded.Send(frame);
  store::TcpStore store({.port = server.port(), .secret = kSecret}, 1, 20);
  CHECK(store.Get("n", 20) == "1");
}

TEST_CASE("A worker that sends forged frames ends the job, which names it") {
  const int port = 20000 + getpid() % 10000;  // no port that the system gives to others
  const auto page = status::StatusPage::Make(3);
  std::string error;
  std::thread meets([&] {
    try {
      rendezvous::MeetJob({.kind = rendezvous::MeetingPlace::Kind::kAddress,
                           .host = "127.0.0.1",
                           .port = port,
                           .secret = kSecret},
                          0, page, 60);
    } catch (const Error& problem) {
      error = problem.what();
    }
  });
  std::unique_ptr<FaultyMember> member;
  CHECK(Eventually([&] {
    try {
      member = std::make_unique<FaultyMember>(port, 2);
      return true;
    } catch (const Error&) {  // nobody listens yet
      return false;
    }
  }));
  if (member != nullptr) {
    const std::string frame = member->Sign(AddOne());
    member->Send(frame + frame);
    CHECK(member->IsClosed());
  }
  meets.join();
  CHECK_THAT(error, Contains("a frame from worker 2 was changed, repeated or left out"));
}

TEST_CASE("No rank has more than two connections for one purpose") {
  store::StoreServer server({.secret = kSecret, .ranks = 4});
  FaultyMember first(server.port(), 3), second(server.port(), 3), third(server.port(), 3);
  CHECK(third.IsClosed());
  CHECK_FALSE(first.IsClosed(0.05));
  CHECK_FALSE(second.IsClosed(0.05));
  store::TcpStore other({.port = server.port(), .secret = kSecret}, 2, 20);
  CHECK(other.Add("n", 1) == 1);
  // Ranks that the job does not have are one.
  FaultyMember four(server.port(), 4), five(server.port(), 5), six(server.port(), -6);
  CHECK(six.IsClosed());
}

// 0.8 MiB of them, that nobody sets.
std::vector<std::string> ManyKeys(int which) {
  std::vector<std::string> keys;
  for (int key = 0; key < 4000; ++key) {
    keys.push_back(fmt::format("{} {} {}", which, key, std::string(200, 'k')));
  }
  return keys;
}

TEST_CASE("A rank that waits for too many keys on all its connections is refused, no other is") {
  store::StoreServer server({.secret = kSecret});
  FaultyMember waits(server.port(), 3);
  waits.Send(waits.Sign(
      {.kind = store::StoreRequest::Kind::kWait, .keys = ManyKeys(1), .timeout_ms = 600'000}));
  const auto error = [&](int rank) {
    store::TcpStore store({.port = server.port(), .secret = kSecret}, rank, 20);
    try {
      store.Wait(ManyKeys(2), 0.01);
    } catch (const Error& problem) {
      return std::string(problem.what());
    }
    return std::string();
  };
  // Not before the server has read what the first one waits for.
  CHECK(
      Eventually([&] { return error(3) == "[Store] worker 3 waits for too many keys at a time"; }));
  CHECK_THAT(error(4), Contains("nobody has set"));
}

// As much as a member can: every rank's connections, with as many keys to wait for as are allowed,
// or with a long frame that never becomes whole.
void Occupy(int port, int ranks, std::vector<std::unique_ptr<FaultyMember>>& members) {
  for (int i = 0; i < 200; ++i) {
    const int rank = i % ranks;
    const store::StoreRequest wait{
        .kind = store::StoreRequest::Kind::kWait, .keys = ManyKeys(i), .timeout_ms = 600'000};
    members.push_back(std::make_unique<FaultyMember>(port, rank));
    members.back()->Send(members.back()->Sign(wait));
    members.push_back(std::make_unique<FaultyMember>(port, rank));
    const std::string whole =
        members.back()->Sign({.keys = {"k"}, .value = std::string(store::kMaxValueBytes, 'v')});
    members.back()->Send(std::string_view(whole).substr(0, whole.size() - 1));
  }
}

TEST_CASE("A member that parks all it can costs worker 0 less than 50 MiB, and others go on") {
  if (!MeasuresMemory()) return;
  const Outcome outcome = RunApart([] {
    constexpr int kRanks = 8;
    store::StoreServer server({.secret = kSecret, .ranks = kRanks + 1});
    std::vector<std::unique_ptr<FaultyMember>> members;
    Occupy(server.port(), kRanks, members);
    store::TcpStore store({.port = server.port(), .secret = kSecret}, kRanks, 20);
    CONVOY_CHECK(store.Add("n", 1) == 1, "a worker that keeps the rules is not served");
  });
  CHECK(outcome.status == 0);
  CHECK(outcome.error.empty());
  CHECK(outcome.peak_bytes < int64_t{50} << 20);
}

}  // namespace
}  // namespace convoy
