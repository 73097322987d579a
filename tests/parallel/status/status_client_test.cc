// StatusPages of several processes, kept together by links: progress, states, failures, deaths.
#include "parallel/status/status_client.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "parallel/status/status_server.h"
#include "parallel/store/store_server.h"
#include "tests/parallel/rendezvous/eventually.h"

namespace convoy {
namespace {

using Catch::Contains;
using State = status::StatusPage::State;

constexpr char kSecret[] = "sesame";

CollectiveSignature Sum(int64_t numel) {
  return {.kind = CollectiveKind::kAllReduce, .numel = numel};
}

// Worker 0's process: its status page, and what serves the others' links.
struct Zero {
  explicit Zero(int size, double linger_s = 3)
      : page(status::StatusPage::Make(size)), status_server(page) {
    server.emplace(net::FrameServerOptions{.secret = kSecret, .linger_s = linger_s},
                   &status_server);
  }

  std::shared_ptr<status::StatusPage> page;
  status::StatusServer status_server;
  std::optional<store::StoreServer> server;
};

// Another worker's process, as far as this test needs one.
struct Other {
  Other(int port, int rank, int size) : page(status::StatusPage::Make(size)) {
    const Deadline deadline(30);
    link = std::make_unique<status::StatusClient>(
        page, rank,
        net::Channel::Connect({.port = port, .secret = kSecret}, net::Purpose::kStatus, rank,
                              deadline),
        deadline);
  }
  Other(const Zero& zero, int rank) : Other(zero.server->port(), rank, zero.page->size()) {}

  std::shared_ptr<status::StatusPage> page;
  std::unique_ptr<status::StatusClient> link;
};

// Processes forked before this one has threads: each runs `body` once it knows the port.
class Children {
 public:
  Children(int count, const std::function<void(int port, int rank)>& body) {
    REQUIRE(pipe(pipe_) == 0);
    for (int rank = 1; rank <= count; ++rank) {
      const pid_t pid = fork();
      if (pid == 0) {
        int port = 0;
        if (read(pipe_[0], &port, sizeof(port)) == sizeof(port)) body(port, rank);
        _exit(0);
      }
      pids_.push_back(pid);
    }
  }
  ~Children() {
    for (const pid_t pid : pids_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    close(pipe_[0]);
    close(pipe_[1]);
  }

  void Tell(int port) {
    for (size_t i = 0; i < pids_.size(); ++i) {
      CHECK(write(pipe_[1], &port, sizeof(port)) == sizeof(port));
    }
  }
  void Kill(int rank) { kill(pids_[static_cast<size_t>(rank - 1)], SIGKILL); }

 private:
  int pipe_[2];
  std::vector<pid_t> pids_;
};

double ProcessSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

TEST_CASE("What a worker does is seen on worker 0's status page") {
  Zero zero(3);
  Other one(zero, 1);
  CHECK_FALSE(one.page->knows_all());
  CHECK(zero.page->knows_all());
  one.page->set_state(1, State::kJoined);
  for (uint64_t n = 1; n <= 3; ++n) one.page->Started(1, n, Sum(16), fmt::format("bucket {}", n));
  one.page->Ready(1, 2);
  CHECK(Eventually([&] { return zero.page->progress(1).started == 3; }));
  CHECK(Eventually([&] { return zero.page->progress(1).ready == 2; }));
  CHECK(zero.page->progress(1).what == "bucket 3");
  CHECK(zero.page->signature(1, 2) == Sum(16));
  CHECK(zero.page->state(1) == State::kJoined);
  CHECK(zero.page->progress(1).seconds_unheard.value() < 5);
  CHECK_FALSE(zero.page->progress(0).seconds_unheard);
  CHECK(zero.status_server.Missing() == std::vector<int>{2});
  one.page->set_state(1, State::kFinished);
}

TEST_CASE("States, the address and the first failure reach everybody, also those who come later") {
  Zero zero(3);
  Other one(zero, 1);
  CHECK_FALSE(one.link->complete());
  std::array<char, status::StatusPage::kAddressBytes> address{}, seen{};
  address[5] = 'x';
  zero.page->set_state(0, State::kJoined);
  zero.page->Started(0, 7, Sum(1), "last");
  zero.page->Publish(address.data());
  one.page->set_state(1, State::kJoined);
  CHECK(Eventually([&] { return one.page->Read(seen.data()); }));
  CHECK(seen == address);
  Other two(zero, 2);
  CHECK(Eventually([&] { return one.link->complete() && two.link->complete(); }));
  CHECK(Eventually([&] { return two.page->Read(seen.data()); }));
  two.page->set_state(2, State::kJoined);
  CHECK(Eventually([&] { return one.page->state(2) == State::kJoined; }));
  CHECK(Eventually([&] { return two.page->state(1) == State::kJoined; }));
  zero.page->set_state(0, State::kFinished);
  CHECK(Eventually([&] { return one.page->state(0) == State::kFinished; }));
  CHECK(one.page->progress(0).started == 7);
  two.page->Fail("[worker 2 of 3] out of luck");
  CHECK(Eventually([&] { return one.page->failed(); }));
  CHECK(one.page->failure() == "[worker 2 of 3] out of luck");
  CHECK(zero.page->failure() == "[worker 2 of 3] out of luck");
}

TEST_CASE("Worker 0's own failure reaches the others before its process ends") {
  std::optional<Zero> zero(std::in_place, 2);
  Other one(*zero, 1);
  std::thread worker([&] {
    Eventually([&] { return one.page->failed(); });
    one.link.reset();
  });
  zero->page->Fail("[worker 0 of 2] disk full");
  zero.reset();
  worker.join();
  CHECK(one.page->failure() == "[worker 0 of 2] disk full");
}

TEST_CASE("That worker 0's process knows of a failure does not mean that its worker reports it") {
  Zero zero(3);
  Other one(zero, 1), two(zero, 2);
  one.page->Fail("[worker 1 of 3] out of luck");
  CHECK(Eventually([&] { return zero.page->failed() && two.page->failed(); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK_FALSE(one.link->zero_reports());
  CHECK_FALSE(two.link->zero_reports());
  zero.status_server.WillReport();
  CHECK(Eventually([&] { return one.link->zero_reports() && two.link->zero_reports(); }));
}

TEST_CASE("Thousands of collectives go over, and all are compared") {
  Zero zero(3);
  Other one(zero, 1), two(zero, 2);
  for (uint64_t n = 1; n <= 5000; ++n) {
    one.page->Started(1, n, Sum(static_cast<int64_t>(n)), "bucket");
    if (n % 100 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  for (uint64_t n = 4500; n <= 4999; ++n) {
    two.page->Started(2, n, Sum(static_cast<int64_t>(n)), "bucket");
    if (n % 100 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  CHECK(Eventually([&] { return zero.page->progress(1).started == 5000; }));
  CHECK(Eventually([&] { return zero.page->progress(2).started == 4999; }));
  CHECK_FALSE(zero.page->failed());
  two.page->Started(2, 5000, Sum(1), "bucket");
  CHECK(Eventually([&] { return one.page->failed() && two.page->failed(); }));
  CHECK(one.page->failure() ==
        "[AllReduce] workers disagree on collective 5000: worker 1 f32 (5000), worker 2 f32 (1)");
}

TEST_CASE("A mismatch with worker 0 itself is named, whoever comes first") {
  const bool zero_first = GENERATE(true, false);
  Zero zero(2);
  Other one(zero, 1);
  const auto start_zero = [&] { zero.page->Started(0, 1, Sum(8), "a"); };
  if (zero_first) start_zero();
  one.page->Started(1, 1, {.kind = CollectiveKind::kBarrier}, "b");
  CHECK(Eventually([&] { return zero.page->progress(1).started == 1; }));
  if (!zero_first) start_zero();
  CHECK(Eventually([&] { return one.page->failed(); }));
  CHECK(one.page->failure() ==
        "[AllReduce] workers disagree on collective 1: worker 0 AllReduce f32 (8), worker 1 "
        "Barrier");
}

TEST_CASE("A worker that waits too long learns from worker 0 who is missing") {
  Zero zero(3);
  zero.status_server.set_why_late([&](uint64_t number, const std::string& what, double seconds) {
    return fmt::format("collective {}, {}, late by {:.1f} s: worker 2 is missing at {}", number,
                       what, seconds, zero.page->progress(1).started);
  });
  Other one(zero, 1), two(zero, 2);
  one.page->Started(1, 4, Sum(1), "bucket 0");
  one.page->ReportLate(1, {.number = 4, .what = "bucket 0", .seconds = 1.5});
  CHECK(Eventually([&] { return one.page->failed() && two.page->failed(); }));
  CHECK(one.page->failure() ==
        "[worker 1 of 3] collective 4, bucket 0, late by 1.5 s: worker 2 is missing at 4");
}

TEST_CASE("A link that closes is a dead worker, unless it had finished or failed") {
  Zero zero(4);
  std::optional<Other> one(std::in_place, zero, 1), two(std::in_place, zero, 2);
  Other three(zero, 3);
  one->page->set_state(1, State::kFinished);
  one.reset();
  CHECK(zero.page->state(1) == State::kFinished);
  two->page->set_state(2, State::kJoined);
  two.reset();
  CHECK(Eventually([&] { return three.page->state(2) == State::kDead; }));
  CHECK(three.page->HowDied(2) == "has gone: its connection was closed");
  CHECK(zero.page->HowDied(2) == "has gone: its connection was closed");
  CHECK(three.page->state(1) == State::kFinished);
  CHECK_FALSE(zero.page->failed());
}

TEST_CASE("A process that is killed is noticed within a second, by all") {
  int heard[2];
  REQUIRE(pipe(heard) == 0);
  Children children(2, [&](int port, int rank) {
    Other other(port, rank, 3);
    other.page->set_state(rank, State::kJoined);
    if (rank == 2) pause();
    const bool dead = Eventually([&] { return other.page->state(2) == State::kDead; }, 30);
    if (dead && write(heard[1], "d", 1) == 1) pause();
  });
  Zero zero(3, /*linger_s=*/0);
  children.Tell(zero.server->port());
  REQUIRE(Eventually([&] { return zero.page->state(2) == State::kJoined; }));
  REQUIRE(Eventually([&] { return zero.status_server.Missing().empty(); }));
  const Deadline second(1);
  children.Kill(2);
  CHECK(Eventually([&] { return zero.page->state(2) == State::kDead; }));
  char byte = 0;
  CHECK(read(heard[0], &byte, 1) == 1);
  CHECK_FALSE(second.passed());
  close(heard[0]);
  close(heard[1]);
}

TEST_CASE("A killed worker 0 is dead for the others") {
  int report[2];
  REQUIRE(pipe(report) == 0);
  const pid_t pid = fork();
  if (pid == 0) {
    Zero zero(2);
    const int port = zero.server->port();
    if (write(report[1], &port, sizeof(port)) == sizeof(port)) pause();
    _exit(1);
  }
  int port = 0;
  REQUIRE(read(report[0], &port, sizeof(port)) == sizeof(port));
  Other one(port, 1, 2);
  kill(pid, SIGKILL);
  const Deadline second(1);
  CHECK(Eventually([&] { return one.page->state(0) == State::kDead; }));
  CHECK_FALSE(second.passed());
  CHECK(one.page->HowDied(0) == "has gone: its connection was closed");
  // Nobody is there who could say more.
  one.page->ReportLate(1, {.number = 3, .what = "bucket 1", .seconds = 2});
  CHECK(Eventually([&] { return one.page->failed(); }));
  CHECK(one.page->failure() ==
        "[worker 1 of 2] collective 3, bucket 1, has not ended within 2.0 s, and worker 0 does not "
        "answer: its process is stopped, or cut off");
  waitpid(pid, nullptr, 0);
  close(report[0]);
  close(report[1]);
}

TEST_CASE("A worker 0 that has finished and left is not dead") {
  std::optional<Zero> zero(std::in_place, 2, /*linger_s=*/0.2);
  Other one(*zero, 1);
  zero->page->set_state(0, State::kFinished);
  zero.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(one.page->state(0) == State::kFinished);
}

TEST_CASE("A link that sends what it may not is cut, and its worker is dead") {
  Zero zero(2);
  const Deadline deadline(30);
  net::Channel channel = net::Channel::Connect({.port = zero.server->port(), .secret = kSecret},
                                               net::Purpose::kStatus, 1, deadline);
  CHECK(channel.Send(Frame(status::StatusJoin{.size = 2}), deadline));
  CHECK(channel.Receive(deadline) == net::Channel::Received::kFrame);
  CHECK(channel.Send(Frame(status::StatusComplete{}), deadline));
  CHECK(Eventually([&] { return zero.page->state(1) == State::kDead; }));
  CHECK(zero.page->HowDied(1) == "has gone: it sent a frame that makes no sense");
}

TEST_CASE("A collective that has ended tells what all workers had done, whatever they said") {
  const std::shared_ptr<status::StatusPage> page = status::StatusPage::Make(3);
  page->Started(1, 4, Sum(1), "sum 3");  // and did not come to say that its input was ready
  page->Ready(1, 3);
  page->AllTookPart(4, "sum 3");
  for (const int rank : {1, 2}) {
    CHECK(page->progress(rank).started == 4);
    CHECK(page->progress(rank).ready == 4);
    CHECK(page->progress(rank).what == "sum 3");
  }
  page->Started(1, 5, Sum(1), "sum 4");
  CHECK(page->progress(1).started == 5);
  CHECK(page->progress(1).ready == 4);
}

TEST_CASE("A status page has room for 1024 workers") {
  const std::shared_ptr<status::StatusPage> page = status::StatusPage::MakeForProcesses(1024);
  page->Started(1023, 5, Sum(3), "last");
  CHECK(status::StatusPage::Attach(dup(page->fd()))->signature(1023, 5) == Sum(3));
  CHECK(page->progress(1022).started == 0);
  CHECK_THROWS_WITH(status::StatusPage::Make(1025), "[Launch] wants 1 to 1024 workers, got 1025");
}

TEST_CASE("Messages are read as they were written, and nothing less or more is one") {
  const std::vector<status::StatusMessage> messages{
      status::StatusJoin{.size = 4, .process = {.host = "node7", .pid = 12}},
      status::StatusUpdate{.state = State::kJoined,
                           .ready = 3,
                           .what = "w",
                           .started = {{4, Sum(9)}},
                           .in_subgroup = "g"},
      status::StatusLate{{.number = 4, .what = "w", .seconds = 1.5}},
      status::StatusFailure{"f"},
      status::StatusRefusal{.text = "r", .later = true},
      status::StatusStates{{{.rank = 3, .state = State::kDead, .started = 9, .how_died = "h"}}},
      status::StatusComplete{},
      status::StatusAddress{},
      status::StatusReport{}};
  for (const status::StatusMessage& message : messages) {
    const std::string frame = Frame(message), body = frame.substr(4);
    const auto again = status::ParseStatusMessage(body);
    REQUIRE(again);
    CHECK(Frame(*again) == frame);
    for (size_t n = 0; n < body.size(); ++n) {
      INFO("cut to " << n << " of " << body.size() << " bytes");
      CHECK_FALSE(status::ParseStatusMessage(body.substr(0, n)).has_value());
    }
    CHECK_FALSE(status::ParseStatusMessage(body + '\0'));
  }
  status::StatusUpdate twice{.started = {{4, Sum(9)}, {4, Sum(9)}}};
  CHECK_FALSE(status::ParseStatusMessage(Frame(twice).substr(4)));
  status::StatusStates far{{{.rank = 1024}}};
  CHECK_FALSE(status::ParseStatusMessage(Frame(far).substr(4)));
}

// Not a judgement of speed, which would not hold on a busy machine: prints what idling costs.
TEST_CASE("Idle links cost next to nothing", "[.][cost]") {
  Zero zero(2);
  Other one(zero, 1);
  CHECK(Eventually([&] { return one.link->complete(); }));
  const double before = ProcessSeconds();
  std::this_thread::sleep_for(std::chrono::seconds(10));
  WARN(fmt::format("status_server and link together: {:.3f} % of a core",
                   (ProcessSeconds() - before) * 10));
}

}  // namespace
}  // namespace convoy
