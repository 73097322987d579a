// A stranger to every job of this machine: connects first to each new port, or floods one.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <set>
#include <string>
#include <thread>

namespace {

constexpr size_t kMostHeld = 500;  // connections; the oldest is closed for the next one
std::atomic<bool> stopped{false};

// Connections that were begun.
class Crowd {
 public:
  ~Crowd() {
    for (const int fd : held_) close(fd);
  }

  // Every third one talks, every third one hangs up at once, and the others stay and are silent.
  void Connect(int port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to));
    ++count_;
    if (count_ % 3 == 0) {
      constexpr char kText[] = "GET / HTTP/1.1\r\n\r\n";
      send(fd, kText, sizeof(kText) - 1, MSG_NOSIGNAL);
    } else if (count_ % 3 == 1) {
      close(fd);
      return;
    }
    held_.push_back(fd);
    if (held_.size() > kMostHeld) {
      close(held_.front());
      held_.pop_front();
    }
  }

  long count() const { return count_; }

 private:
  std::deque<int> held_;
  long count_ = 0;
};

// Ports of this machine at which somebody listens.
std::set<int> Listening() {
  std::set<int> ports;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(table);
    std::string line;
    std::getline(file, line);  // headings
    while (std::getline(file, line)) {
      // "  0: 0100007F:A3B1 00000000:0000 0A ...": own address, the other end's, the state
      unsigned port = 0, state = 0;
      char own[64], other[64];
      if (std::sscanf(line.c_str(), "%*d: %63[0-9A-F]:%X %63[0-9A-F]:%*X %X", own, &port, other,
                      &state) == 4 &&
          state == 0x0A) {
        ports.insert(static_cast<int>(port));
      }
    }
  }
  return ports;
}

void ConnectFirst(Crowd& crowd) {
  std::set<int> known = Listening();
  while (!stopped) {
    std::set<int> ports = Listening();
    for (const int port : ports) {
      if (!known.contains(port)) {
        for (int i = 0; i < 3; ++i) crowd.Connect(port);
      }
    }
    known = std::move(ports);
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

void Flood(Crowd& crowd, int port, double per_s) {
  const auto start = std::chrono::steady_clock::now();
  while (!stopped) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    while (static_cast<double>(crowd.count()) < per_s * passed.count()) crowd.Connect(port);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGTERM, [](int) { stopped = true; });
  Crowd crowd;
  if (argc == 2 && std::strcmp(argv[1], "first") == 0) {
    ConnectFirst(crowd);
  } else if (argc == 4 && std::strcmp(argv[1], "flood") == 0) {
    Flood(crowd, std::atoi(argv[2]), std::atof(argv[3]));
  } else {
    std::fputs("Usage: stranger first | stranger flood PORT CONNECTIONS_PER_SECOND\n", stderr);
    return 2;
  }
  std::printf("%ld\n", crowd.count());
}
