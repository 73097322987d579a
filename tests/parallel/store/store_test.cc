// The store as its users see it: values, counters, waiting, deadlines.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/base/error.h"
#include "parallel/store/store_server.h"
#include "parallel/store/tcp_store.h"

namespace convoy {
namespace {

using Catch::Contains;

constexpr char kSecret[] = "sesame";

store::TcpStore ConnectTo(const store::StoreServer& server, int rank = 1) {
  return store::TcpStore({.port = server.port(), .secret = kSecret}, rank, 10);
}

TEST_CASE("A value is there for everybody once it was set, and the last one counts") {
  store::StoreServer server({.secret = kSecret});
  store::TcpStore a = ConnectTo(server), b = ConnectTo(server, 2);
  const std::string binary("\0\xff\n", 3), large(store::kMaxValueBytes, 'v');
  a.Set("k", "one");
  a.Set("k", "two");
  a.Set("", binary);
  a.Set(std::string(store::kMaxKeyBytes, 'k'), large);
  CHECK(b.Get("k", 0) == "two");
  CHECK(b.Get("", 0) == binary);
  CHECK(b.Get(std::string(store::kMaxKeyBytes, 'k'), 0) == large);
}

TEST_CASE("Add gives every caller another sum") {
  store::StoreServer server({.secret = kSecret});
  std::vector<std::thread> threads;
  std::vector<std::vector<int64_t>> sums(8);
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      store::TcpStore store = ConnectTo(server, t);
      for (int i = 0; i < 50; ++i) sums[static_cast<size_t>(t)].push_back(store.Add("n", 1));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<int64_t> all;
  for (const auto& some : sums) all.insert(some.begin(), some.end());
  CHECK(all.size() == 400);
  CHECK(*all.rbegin() == 400);
  store::TcpStore store = ConnectTo(server);
  CHECK(store.Add("n", -401) == -1);
  CHECK(store.Get("n", 0) == "-1");
}

TEST_CASE("Get and Wait return as soon as the keys are there") {
  store::StoreServer server({.secret = kSecret});
  store::TcpStore setter = ConnectTo(server);
  std::vector<std::string> got(2);
  std::thread getter([&] { got[0] = ConnectTo(server, 2).Get("late", 60); });
  std::thread waiter([&] {
    store::TcpStore store = ConnectTo(server, 3);
    store.Wait({"late", "counter", "late", "early"}, 60);
    got[1] = store.Get("counter", 0);
  });
  setter.Set("early", "");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const Deadline deadline(30);
  setter.Set("late", "now");
  setter.Add("counter", 5);
  getter.join();
  waiter.join();
  CHECK(got == std::vector<std::string>{"now", "5"});
  CHECK_FALSE(deadline.passed());
}

TEST_CASE("What nobody sets is an error in time that names it, and the store goes on") {
  store::StoreServer server({.secret = kSecret});
  store::TcpStore store = ConnectTo(server);
  store.Set("b", "");
  for (int i = 0; i < 3; ++i) {
    const Deadline deadline(10);
    CHECK_THROWS_WITH(store.Get("a", 0.05), "[Store] nobody has set 'a' within 0.05 s");
    CHECK_THROWS_WITH(store.Wait({"c", "b", "a"}, 0.05),
                      "[Store] nobody has set 'a', 'c' within 0.05 s");
    CHECK_FALSE(deadline.passed());
  }
  std::vector<std::string> many;
  for (int i = 0; i < 100; ++i) many.push_back(fmt::format("key {:02}", i));
  CHECK_THROWS_WITH(store.Wait(many, 0), Contains("'key 15' and 84 more within 0 s"));
  store.Set("a", "at last");
  CHECK(store.Get("a", 0) == "at last");
}

TEST_CASE("What cannot be is refused, and the store goes on") {
  store::StoreServer server({.secret = kSecret});
  store::TcpStore store = ConnectTo(server);
  store.Set("text", "12x");
  CHECK_THROWS_WITH(store.Add("text", 1), "[Store] 'text' holds no counter");
  store.Add("n", std::numeric_limits<int64_t>::max());
  CHECK_THROWS_WITH(store.Add("n", 1), "[Store] the counter 'n' overflows");
  CHECK_THROWS_WITH(store.Set(std::string(store::kMaxKeyBytes + 1, 'k'), ""),
                    "[Store] expected a key of at most 1024 bytes, got 1025");
  CHECK_THROWS_WITH(store.Set("k", std::string(store::kMaxValueBytes + 1, 'v')),
                    Contains("expected a value of at most 1046528 bytes for 'k', got 1046529"));
  CHECK_THROWS_WITH(
      store.Wait(std::vector<std::string>(2000, std::string(store::kMaxKeyBytes, 'k')), 0),
      Contains("can wait for 1048576 bytes of keys at once"));
  const std::string part(store::kMaxValueBytes, 'v');
  std::string error;
  try {
    for (int i = 0; i < 300; ++i) store.Set(fmt::format("{}", i), part);
  } catch (const Error& full) {
    error = full.what();
  }
  CHECK(error == "[Store] the store is full: it holds 256 MiB");
  CHECK(store.Get("text", 0) == "12x");
}

TEST_CASE("A server that is not there, or not yet") {
  int port = 0;
  {
    store::StoreServer server({.secret = kSecret});
    port = server.port();
  }
  const net::ServerAddress address{.port = port, .secret = kSecret};
  CHECK_THROWS_WITH(
      store::TcpStore(address, 1, 0.2),
      fmt::format("[Store] cannot reach worker 0 at 127.0.0.1:{} within 0.2 s (connection "
                  "refused); is it running, and is the address right?",
                  port));
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    store::StoreServer server({.port = port, .secret = kSecret});
    store::TcpStore own(address, 0, 10);
    own.Set("k", "v");
    own.Wait({"done"}, 30);
  });
  store::TcpStore store(address, 1, 30);
  CHECK(store.Get("k", 10) == "v");
  store.Set("done", "");
  later.join();
  CHECK_THROWS_WITH(
      store::TcpStore({.host = "no-such-host.invalid", .port = 1, .secret = "x"}, 1, 0.1),
      Contains("[Store] cannot reach worker 0 at no-such-host.invalid:1 within"));
}

TEST_CASE("A server that goes is an error for who waits, and from then on") {
  auto server = std::make_unique<store::StoreServer>(net::FrameServerOptions{.secret = kSecret});
  store::TcpStore store = ConnectTo(*server);
  std::thread end([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    server.reset();
  });
  const Deadline deadline(30);
  CHECK_THROWS_WITH(store.Get("never", 60), Contains("has closed the connection"));
  CHECK_FALSE(deadline.passed());
  end.join();
  CHECK_THROWS_WITH(store.Set("k", "v"), Contains("is lost"));
}

// A server in a process of its own, which may be stopped.
class ServerProcess {
 public:
  ServerProcess() {
    int ends[2];
    CONVOY_CHECK(pipe(ends) == 0, "pipe");
    pid_ = fork();
    if (pid_ == 0) {
      const store::StoreServer server({.secret = kSecret});
      const int port = server.port();
      if (write(ends[1], &port, sizeof(port)) == sizeof(port)) pause();
      _exit(1);
    }
    CONVOY_CHECK(read(ends[0], &port_, sizeof(port_)) == sizeof(port_), "read");
    close(ends[0]);
    close(ends[1]);
  }
  ~ServerProcess() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  int port() const { return port_; }
  void Stop() {
    kill(pid_, SIGSTOP);
    int status = 0;
    waitpid(pid_, &status, WUNTRACED);
  }
  void GoOn() { kill(pid_, SIGCONT); }

 private:
  pid_t pid_ = -1;
  int port_ = 0;
};

TEST_CASE(
    "A server that was stopped for a while answers later questions, each with its own answer") {
  ServerProcess server;
  store::TcpStore store({.port = server.port(), .secret = kSecret}, 1, 30);
  store.Set("a", "1");
  server.Stop();
  for (int i = 0; i < 2; ++i) {
    CHECK_THROWS_WITH(store.Get("a", 0), Contains("has not answered within"));
  }
  server.GoOn();
  CHECK(store.Add("n", 5) == 5);
  CHECK(store.Get("a", 0) == "1");
  CHECK(store.Get("n", 0) == "5");
}

TEST_CASE("A process without the job's secret is told so and gets nothing") {
  store::StoreServer server({.secret = kSecret});
  CHECK_THROWS_WITH(
      store::TcpStore({.port = server.port(), .secret = "guess"}, 1, 10),
      fmt::format("[Store] at 127.0.0.1:{}, where worker 0 should be, this process's secret is not "
                  "accepted; all processes of a job must have the same",
                  server.port()));
  store::TcpStore store = ConnectTo(server);
  store.Set("k", "v");
}

TEST_CASE("A port that is taken is an error that says so") {
  store::StoreServer server({.secret = kSecret});
  CHECK_THROWS_WITH(
      store::StoreServer({.port = server.port(), .secret = kSecret}),
      fmt::format("[Store] cannot listen at 127.0.0.1:{} (address already in use); choose another "
                  "port",
                  server.port()));
}

TEST_CASE("A hundred servers run side by side on free ports") {
  std::vector<std::unique_ptr<store::StoreServer>> servers;
  std::set<int> ports;
  for (int i = 0; i < 100; ++i) {
    servers.push_back(std::make_unique<store::StoreServer>(
        net::FrameServerOptions{.secret = fmt::format("secret {}", i)}));
    ports.insert(servers.back()->port());
  }
  CHECK(ports.size() == 100);
  for (int i = 0; i < 100; ++i) {
    const int port = servers[static_cast<size_t>(i)]->port();
    store::TcpStore store({.port = port, .secret = fmt::format("secret {}", i)}, 1, 10);
    CHECK(store.Add("n", 1) == 1);
  }
}

TEST_CASE("Processes share the store of their parent") {
  // The children are forked before this process has threads, and find the server by its port.
  int pipes[2];
  REQUIRE(pipe(pipes) == 0);
  std::vector<pid_t> children;
  for (int rank = 1; rank <= 4; ++rank) {
    const pid_t pid = fork();
    if (pid == 0) {
      int port = 0;
      int status = 1;
      if (read(pipes[0], &port, sizeof(port)) == sizeof(port)) {
        try {
          store::TcpStore store({.port = port, .secret = kSecret}, rank, 30);
          store.Set(fmt::format("from {}", rank), std::to_string(rank));
          store.Wait({"from 1", "from 2", "from 3", "from 4", "from 0"}, 30);
          status =
              store.Get(fmt::format("from {}", rank % 4 + 1), 0) == std::to_string(rank % 4 + 1)
                  ? 0
                  : 2;
        } catch (const std::exception&) {
          status = 3;
        }
      }
      _exit(status);
    }
    children.push_back(pid);
  }
  store::StoreServer server({.secret = kSecret});
  const int port = server.port();
  for (int i = 0; i < 4; ++i) REQUIRE(write(pipes[1], &port, sizeof(port)) == sizeof(port));
  ConnectTo(server, 0).Set("from 0", "");
  for (const pid_t pid : children) {
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
  }
  close(pipes[0]);
  close(pipes[1]);
}

}  // namespace
}  // namespace convoy
