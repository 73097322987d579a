// A signal before the first step: heard at once, whatever the workers wait for.
#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/models/trainers/job.h"
#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;

// Far beyond what anything takes here, so that only a signal ends a wait.
const Arguments kPatient{"--threads", "1", "--timeout", "600", "--steps", "100000000"};
constexpr std::chrono::minutes kSoon{2};

void Pause(std::chrono::milliseconds time) { std::this_thread::sleep_for(time); }

class SignalFixture : public TrainerFixture {
 public:
  Arguments Mnist(const Arguments& more = {}) const {
    return Command(Programs()[1], Joined(kPatient, more));
  }
};

TEST_CASE_METHOD(SignalFixture,
                 "SIGTERM and Ctrl-C end a worker that waits for the others to come") {
  for (const char* name : {"local", "file", "tcp"}) {
    for (const size_t rank : {size_t{0}, size_t{1}}) {
      const int signal = rank == 0 ? SIGTERM : SIGINT;
      CAPTURE(name, rank);
      const auto lines = FindStarter(name).command_lines(2, Mnist());
      Subprocess worker(lines[rank]);
      Pause(std::chrono::seconds(1));
      const auto start = Clock::now();
      worker.Signal(signal);
      const ProcessResult result = worker.Wait();
      INFO(result.out << result.err);
      CHECK(result.status == 128 + signal);
      CHECK(Clock::now() - start < kSoon);
    }
  }
}

TEST_CASE_METHOD(SignalFixture, "The file through which workers meet goes with a signal") {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    const TemporaryFolder place;
    Subprocess worker(WithVariables(
        {"RANK=0", "WORLD_SIZE=2", "CONVOY_RENDEZVOUS=file:" + (place / "meet")}, Mnist()));
    while (!std::filesystem::exists(place / "meet")) std::this_thread::yield();
    worker.Signal(signal);
    CHECK(worker.Wait().status == 128 + signal);
    CHECK(std::filesystem::is_empty(place.path()));
  }
}

TEST_CASE_METHOD(SignalFixture, "tools/launch passes a signal on to workers that wait for others") {
  // Worker 1 does not come; it is not the trainer.
  const TemporaryFolder pids;
  const Arguments one_waits = Joined(
      {"/bin/sh", "-c",
       "echo $$ > " + (pids / "$RANK") + "; [ $RANK = 1 ] && exec sleep 600; exec \"$@\"", "sh"},
      Mnist());
  for (const int signal : {SIGTERM, SIGINT}) {
    Subprocess launcher(FindStarter("tools/launch").command_lines(2, one_waits)[0]);
    for (const char* rank : {"0", "1"}) {
      while (Content(pids / rank).find('\n') == std::string::npos) {
        Pause(std::chrono::milliseconds(10));
      }
    }
    Pause(std::chrono::seconds(1));
    const auto start = Clock::now();
    launcher.Signal(signal);
    const ProcessResult result = launcher.Wait();
    INFO(result.out << result.err);
    CHECK(result.status == 128 + signal);
    CHECK(Clock::now() - start < kSoon);
    for (const char* rank : {"0", "1"}) {
      CHECK(kill(std::stoi(Content(pids / rank)), 0) != 0);
      std::filesystem::remove(pids / rank);
    }
  }
}

// Wherever it comes: while the program starts, reads, meets, connects, in its first step or later.
TEST_CASE_METHOD(SignalFixture, "A signal at any time is the exit status of threads") {
  for (int ms = 0; ms < 400; ms += 20) {
    CAPTURE(ms);
    Subprocess process(Mnist({"--workers", "2", "--eval-every", "0"}));
    Pause(std::chrono::milliseconds(ms));
    process.Signal(SIGTERM);
    const ProcessResult result = process.Wait();
    INFO(result.out << result.err);
    CHECK(result.status == 128 + SIGTERM);
    CHECK(result.err.empty());
  }
}

TEST_CASE_METHOD(SignalFixture,
                 "A signal at any time is the exit status of both of two processes") {
  for (int ms = 0; ms < 600; ms += 30) {
    CAPTURE(ms);
    Job job(FindStarter("local").command_lines(2, Mnist({"--eval-every", "0"})));
    Pause(std::chrono::milliseconds(ms));
    // Both at one time, so to say: a worker that sees the other one die has its own signal by then.
    for (const int signal : {SIGSTOP, SIGTERM, SIGCONT}) {
      for (size_t rank : {0, 1}) job[rank].Signal(signal);
    }
    const auto results = job.Wait();
    INFO(Said(results));
    for (const ProcessResult& result : results) CHECK(result.status == 128 + SIGTERM);
  }
}

}  // namespace
}  // namespace convoy
