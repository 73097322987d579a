// Boards of several processes, kept together by links: progress, states, failures, deaths.
#include "parallel/rendezvous/board_link.h"

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

#include "parallel/rendezvous/board_hub.h"
#include "parallel/rendezvous/store_server.h"
#include "tests/parallel/rendezvous/eventually.h"

namespace convoy {
namespace {

using Catch::Contains;
using State = Board::State;

constexpr char kSecret[] = "sesame";

CollectiveSignature Sum(int64_t numel) {
  return {.kind = CollectiveKind::kAllReduce, .numel = numel};
}

// Worker 0's process: its board, and what serves the others' links.
struct Zero {
  explicit Zero(int size, double linger_s = 3) : board(Board::Make(size)), hub(board) {
    server.emplace(FrameServerOptions{.secret = kSecret, .linger_s = linger_s}, &hub);
  }

  std::shared_ptr<Board> board;
  BoardHub hub;
  std::optional<StoreServer> server;
};

// Another worker's process, as far as this test needs one.
struct Other {
  Other(int port, int rank, int size) : board(Board::Make(size)) {
    const Deadline deadline(30);
    link = std::make_unique<BoardLink>(
        board, rank,
        Channel::Connect({.port = port, .secret = kSecret}, Purpose::kBoard, rank, deadline),
        deadline);
  }
  Other(const Zero& zero, int rank) : Other(zero.server->port(), rank, zero.board->size()) {}

  std::shared_ptr<Board> board;
  std::unique_ptr<BoardLink> link;
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

TEST_CASE("What a worker does is seen on worker 0's board") {
  Zero zero(3);
  Other one(zero, 1);
  CHECK_FALSE(one.board->knows_all());
  CHECK(zero.board->knows_all());
  one.board->set_state(1, State::kJoined);
  for (uint64_t n = 1; n <= 3; ++n) one.board->Started(1, n, Sum(16), fmt::format("bucket {}", n));
  one.board->Ready(1, 2);
  CHECK(Eventually([&] { return zero.board->progress(1).started == 3; }));
  CHECK(Eventually([&] { return zero.board->progress(1).ready == 2; }));
  CHECK(zero.board->progress(1).what == "bucket 3");
  CHECK(zero.board->signature(1, 2) == Sum(16));
  CHECK(zero.board->state(1) == State::kJoined);
  CHECK(zero.board->progress(1).seconds_unheard.value() < 5);
  CHECK_FALSE(zero.board->progress(0).seconds_unheard);
  CHECK(zero.hub.Missing() == std::vector<int>{2});
  one.board->set_state(1, State::kFinished);
}

TEST_CASE("States, the address and the first failure reach everybody, also those who come later") {
  Zero zero(3);
  Other one(zero, 1);
  CHECK_FALSE(one.link->complete());
  std::array<char, Board::kAddressBytes> address{}, seen{};
  address[5] = 'x';
  zero.board->set_state(0, State::kJoined);
  zero.board->Started(0, 7, Sum(1), "last");
  zero.board->Publish(address.data());
  one.board->set_state(1, State::kJoined);
  CHECK(Eventually([&] { return one.board->Read(seen.data()); }));
  CHECK(seen == address);
  Other two(zero, 2);
  CHECK(Eventually([&] { return one.link->complete() && two.link->complete(); }));
  CHECK(Eventually([&] { return two.board->Read(seen.data()); }));
  two.board->set_state(2, State::kJoined);
  CHECK(Eventually([&] { return one.board->state(2) == State::kJoined; }));
  CHECK(Eventually([&] { return two.board->state(1) == State::kJoined; }));
  zero.board->set_state(0, State::kFinished);
  CHECK(Eventually([&] { return one.board->state(0) == State::kFinished; }));
  CHECK(one.board->progress(0).started == 7);
  two.board->Fail("[worker 2 of 3] out of luck");
  CHECK(Eventually([&] { return one.board->failed(); }));
  CHECK(one.board->failure() == "[worker 2 of 3] out of luck");
  CHECK(zero.board->failure() == "[worker 2 of 3] out of luck");
}

TEST_CASE("Worker 0's own failure reaches the others before its process ends") {
  std::optional<Zero> zero(std::in_place, 2);
  Other one(*zero, 1);
  std::thread worker([&] {
    Eventually([&] { return one.board->failed(); });
    one.link.reset();
  });
  zero->board->Fail("[worker 0 of 2] disk full");
  zero.reset();
  worker.join();
  CHECK(one.board->failure() == "[worker 0 of 2] disk full");
}

TEST_CASE("That worker 0's process knows of a failure does not mean that its worker reports it") {
  Zero zero(3);
  Other one(zero, 1), two(zero, 2);
  one.board->Fail("[worker 1 of 3] out of luck");
  CHECK(Eventually([&] { return zero.board->failed() && two.board->failed(); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK_FALSE(one.link->zero_reports());
  CHECK_FALSE(two.link->zero_reports());
  zero.hub.WillReport();
  CHECK(Eventually([&] { return one.link->zero_reports() && two.link->zero_reports(); }));
}

TEST_CASE("Thousands of collectives go over, and all are compared") {
  Zero zero(3);
  Other one(zero, 1), two(zero, 2);
  for (uint64_t n = 1; n <= 5000; ++n) {
    one.board->Started(1, n, Sum(static_cast<int64_t>(n)), "bucket");
    if (n % 100 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  for (uint64_t n = 4500; n <= 4999; ++n) {
    two.board->Started(2, n, Sum(static_cast<int64_t>(n)), "bucket");
    if (n % 100 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  CHECK(Eventually([&] { return zero.board->progress(1).started == 5000; }));
  CHECK(Eventually([&] { return zero.board->progress(2).started == 4999; }));
  CHECK_FALSE(zero.board->failed());
  two.board->Started(2, 5000, Sum(1), "bucket");
  CHECK(Eventually([&] { return one.board->failed() && two.board->failed(); }));
  CHECK(one.board->failure() ==
        "[AllReduce] workers disagree on collective 5000: worker 1 f32 (5000), worker 2 f32 (1)");
}

TEST_CASE("A mismatch with worker 0 itself is named, whoever comes first") {
  const bool zero_first = GENERATE(true, false);
  Zero zero(2);
  Other one(zero, 1);
  const auto start_zero = [&] { zero.board->Started(0, 1, Sum(8), "a"); };
  if (zero_first) start_zero();
  one.board->Started(1, 1, {.kind = CollectiveKind::kBarrier}, "b");
  CHECK(Eventually([&] { return zero.board->progress(1).started == 1; }));
  if (!zero_first) start_zero();
  CHECK(Eventually([&] { return one.board->failed(); }));
  CHECK(one.board->failure() ==
        "[AllReduce] workers disagree on collective 1: worker 0 AllReduce f32 (8), worker 1 "
        "Barrier");
}

TEST_CASE("A worker that waits too long learns from worker 0 who is missing") {
  Zero zero(3);
  zero.hub.set_why_late([&](uint64_t number, const std::string& what, double seconds) {
    return fmt::format("collective {}, {}, late by {:.1f} s: worker 2 is missing at {}", number,
                       what, seconds, zero.board->progress(1).started);
  });
  Other one(zero, 1), two(zero, 2);
  one.board->Started(1, 4, Sum(1), "bucket 0");
  one.board->ReportLate(1, {.number = 4, .what = "bucket 0", .seconds = 1.5});
  CHECK(Eventually([&] { return one.board->failed() && two.board->failed(); }));
  CHECK(one.board->failure() ==
        "[worker 1 of 3] collective 4, bucket 0, late by 1.5 s: worker 2 is missing at 4");
}

TEST_CASE("A link that closes is a dead worker, unless it had finished or failed") {
  Zero zero(4);
  std::optional<Other> one(std::in_place, zero, 1), two(std::in_place, zero, 2);
  Other three(zero, 3);
  one->board->set_state(1, State::kFinished);
  one.reset();
  CHECK(zero.board->state(1) == State::kFinished);
  two->board->set_state(2, State::kJoined);
  two.reset();
  CHECK(Eventually([&] { return three.board->state(2) == State::kDead; }));
  CHECK(three.board->HowDied(2) == "has gone: its connection was closed");
  CHECK(zero.board->HowDied(2) == "has gone: its connection was closed");
  CHECK(three.board->state(1) == State::kFinished);
  CHECK_FALSE(zero.board->failed());
}

TEST_CASE("A process that is killed is noticed within a second, by all") {
  int heard[2];
  REQUIRE(pipe(heard) == 0);
  Children children(2, [&](int port, int rank) {
    Other other(port, rank, 3);
    other.board->set_state(rank, State::kJoined);
    if (rank == 2) pause();
    const bool dead = Eventually([&] { return other.board->state(2) == State::kDead; }, 30);
    if (dead && write(heard[1], "d", 1) == 1) pause();
  });
  Zero zero(3, /*linger_s=*/0);
  children.Tell(zero.server->port());
  REQUIRE(Eventually([&] { return zero.board->state(2) == State::kJoined; }));
  REQUIRE(Eventually([&] { return zero.hub.Missing().empty(); }));
  const Deadline second(1);
  children.Kill(2);
  CHECK(Eventually([&] { return zero.board->state(2) == State::kDead; }));
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
  CHECK(Eventually([&] { return one.board->state(0) == State::kDead; }));
  CHECK_FALSE(second.passed());
  CHECK(one.board->HowDied(0) == "has gone: its connection was closed");
  // Nobody is there who could say more.
  one.board->ReportLate(1, {.number = 3, .what = "bucket 1", .seconds = 2});
  CHECK(Eventually([&] { return one.board->failed(); }));
  CHECK(one.board->failure() ==
        "[worker 1 of 2] collective 3, bucket 1, has not ended within 2.0 s, and worker 0 does not "
        "answer: its process is stopped, or cut off");
  waitpid(pid, nullptr, 0);
  close(report[0]);
  close(report[1]);
}

TEST_CASE("A worker 0 that has finished and left is not dead") {
  std::optional<Zero> zero(std::in_place, 2, /*linger_s=*/0.2);
  Other one(*zero, 1);
  zero->board->set_state(0, State::kFinished);
  zero.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(one.board->state(0) == State::kFinished);
}

TEST_CASE("A link that sends what it may not is cut, and its worker is dead") {
  Zero zero(2);
  const Deadline deadline(30);
  Channel channel = Channel::Connect({.port = zero.server->port(), .secret = kSecret},
                                     Purpose::kBoard, 1, deadline);
  CHECK(channel.Send(Frame(BoardJoin{.size = 2}), deadline));
  CHECK(channel.Receive(deadline) == Channel::Received::kFrame);
  CHECK(channel.Send(Frame(BoardComplete{}), deadline));
  CHECK(Eventually([&] { return zero.board->state(1) == State::kDead; }));
  CHECK(zero.board->HowDied(1) == "has gone: it sent a frame that makes no sense");
}

TEST_CASE("A board has room for 1024 workers") {
  const std::shared_ptr<Board> board = Board::Make(1024);
  board->Started(1023, 5, Sum(3), "last");
  CHECK(Board::Attach(dup(board->fd()))->signature(1023, 5) == Sum(3));
  CHECK(board->progress(1022).started == 0);
  CHECK_THROWS_WITH(Board::Make(1025), "[Launch] wants 1 to 1024 workers, got 1025");
}

TEST_CASE("Messages are read as they were written, and nothing less or more is one") {
  const std::vector<BoardMessage> messages{
      BoardJoin{.size = 4, .process = {.host = "node7", .pid = 12}},
      BoardUpdate{.state = State::kJoined,
                  .ready = 3,
                  .what = "w",
                  .started = {{4, Sum(9)}},
                  .in_subgroup = "g"},
      BoardLate{{.number = 4, .what = "w", .seconds = 1.5}},
      BoardFailure{"f"},
      BoardRefusal{.text = "r", .later = true},
      BoardStates{{{.rank = 3, .state = State::kDead, .started = 9, .how_died = "h"}}},
      BoardComplete{},
      BoardAddress{},
      BoardReport{}};
  for (const BoardMessage& message : messages) {
    const std::string frame = Frame(message), body = frame.substr(4);
    const auto again = ParseBoardMessage(body);
    REQUIRE(again);
    CHECK(Frame(*again) == frame);
    for (size_t n = 0; n < body.size(); ++n) {
      INFO("cut to " << n << " of " << body.size() << " bytes");
      CHECK_FALSE(ParseBoardMessage(body.substr(0, n)).has_value());
    }
    CHECK_FALSE(ParseBoardMessage(body + '\0'));
  }
  BoardUpdate twice{.started = {{4, Sum(9)}, {4, Sum(9)}}};
  CHECK_FALSE(ParseBoardMessage(Frame(twice).substr(4)));
  BoardStates far{{{.rank = 1024}}};
  CHECK_FALSE(ParseBoardMessage(Frame(far).substr(4)));
}

// Not a judgement of speed, which would not hold on a busy machine: prints what idling costs.
TEST_CASE("Idle links cost next to nothing", "[.][cost]") {
  Zero zero(2);
  Other one(zero, 1);
  CHECK(Eventually([&] { return one.link->complete(); }));
  const double before = ProcessSeconds();
  std::this_thread::sleep_for(std::chrono::seconds(10));
  WARN(fmt::format("hub and link together: {:.3f} % of a core", (ProcessSeconds() - before) * 10));
}

}  // namespace
}  // namespace convoy
