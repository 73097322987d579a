// The launcher's deputy on each host, on this one too.
#include "tools/launcher/agent.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <optional>
#include <utility>

#include "core/base/descriptor.h"
#include "core/base/error.h"
#include "core/base/standard_streams.h"
#include "core/error_text.h"
#include "parallel/launch/supervise/child_processes.h"
#include "parallel/launch/supervise/proc.h"
#include "parallel/launch/supervise/signal_catcher.h"
#include "parallel/launch/supervise/spawn.h"
#include "tools/launcher/awake_clock.h"
#include "tools/launcher/output_queue.h"
#include "tools/launcher/pipe.h"

namespace convoy::launcher {
namespace {

using Duration = AwakeClock::Base::duration;

constexpr int kTickMs = 50;
// A process that a worker has left behind may hold the worker's output open. The worker's end is
// reported when nothing was written for this long,
constexpr auto kLastWords = std::chrono::milliseconds(300);
// and after this long even if something still writes.
constexpr auto kAllLastWords = std::chrono::seconds(2);
constexpr auto kSayWhyWithin = std::chrono::seconds(2);
constexpr size_t kMaxQueued = 16 << 20;  // beyond, workers have to wait with their output

// What other launchers tell their processes would contradict what this one does.
const std::vector<std::string>& StaleVariables() {
  static const std::vector<std::string> names = {"RANK",
                                                 "WORLD_SIZE",
                                                 "LOCAL_RANK",
                                                 "LOCAL_WORLD_SIZE",
                                                 "GROUP_RANK",
                                                 "ROLE_RANK",
                                                 "ROLE_WORLD_SIZE",
                                                 "NPROC_PER_NODE",
                                                 "PET_NPROC_PER_NODE",
                                                 "TORCHELASTIC_RUN_ID",
                                                 "TORCHELASTIC_USE_AGENT_STORE",
                                                 "TORCHELASTIC_RESTART_COUNT",
                                                 "PMI_RANK",
                                                 "PMI_SIZE",
                                                 "PMI_LOCAL_RANK",
                                                 "PMI_LOCAL_SIZE",
                                                 "MPI_LOCALRANKID",
                                                 "MPI_LOCALNRANKS",
                                                 "OMPI_COMM_WORLD_RANK",
                                                 "OMPI_COMM_WORLD_SIZE",
                                                 "OMPI_COMM_WORLD_LOCAL_RANK",
                                                 "OMPI_COMM_WORLD_LOCAL_SIZE",
                                                 "MV2_COMM_WORLD_RANK",
                                                 "MV2_COMM_WORLD_SIZE",
                                                 "MV2_COMM_WORLD_LOCAL_RANK",
                                                 "MV2_COMM_WORLD_LOCAL_SIZE",
                                                 "CONVOY_SECRET",
                                                 "CONVOY_WORKER"};
  return names;
}

// A TCP port that nobody listens on, at least now.
int FreePort() {
  const Descriptor any(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  socklen_t size = sizeof(address);
  const bool found = bind(any.get(), reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(any.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0;
  return found ? ntohs(address.sin_port) : 0;
}

struct AgentWorker {
  int rank = 0;
  Descriptor out, err;            // none: closed
  std::optional<int> status;      // once it has ended
  Duration last_heard, ended_at;  // by the agent's clock
  bool reported = false;
};

class Agent {
 public:
  int Run() {
    queue_.Add(STDOUT_FILENO, kPreamble);
    Say({.kind = MessageKind::kHello, .value = FreePort()});
    while (connected_) {
      clock_.Tick();
      Poll();
      while (const int signal = signals_.Take()) connected_ &= signal == SIGCHLD;
      Reap();
      connected_ &= queue_.failure(STDOUT_FILENO) == 0;
      if (!speak_until_ || clock_.now() <= *speak_until_) continue;
      connected_ = false;
      SayWhy();
    }
    launch::KillDescendants();
    return 0;
  }

 private:
  void Say(const Message& message) { queue_.Add(STDOUT_FILENO, Encode(message)); }

  // On standard error, where a launcher that was stopped finds it when it goes on.
  void SayWhy() const {
    OutputQueue words(kMaxQueued);  // what hangs in the other one is not waited for
    words.Add(STDERR_FILENO,
              fmt::format("error: [tools/launch] nothing was heard of the launcher for {} s: it "
                          "was stopped, or its host cut off; --silence SECONDS allows more\n",
                          silence_s_));
    words.WaitUntilWritten(kSayWhyWithin);
  }

  void Poll() {
    std::vector<pollfd> fds = {{STDIN_FILENO, POLLIN, 0}};
    std::vector<size_t> readers;  // of fds from 1 on: twice the worker, and 1 for its errors
    const bool full = queue_.full();
    // The first one is another one each time, so that a worker that never stops writing does not
    // keep the others from being heard.
    for (size_t i = 0; i < 2 * workers_.size(); ++i) {
      const size_t reader = (first_ + i) % (2 * workers_.size());
      AgentWorker& worker = workers_[reader / 2];
      // Its output is not read now. What it wrote before its end is read later, so the time to wait
      // for that starts anew.
      if (full) worker.last_heard = worker.ended_at = clock_.now();
      const int fd = (reader % 2 == 0 ? worker.out : worker.err).get();
      if (fd < 0 || full) continue;
      fds.push_back({fd, POLLIN, 0});
      readers.push_back(reader);
    }
    if (poll(fds.data(), fds.size(), kTickMs) <= 0) return;
    for (size_t i = 0; i < readers.size() && !queue_.full(); ++i) {
      if (fds[i + 1].revents == 0) continue;
      first_ = readers[i] + 1;
      ReadWorker(workers_[readers[i] / 2], fds[i + 1].fd);
    }
    if (fds[0].revents != 0) ReadOrders();
  }

  void ReadWorker(AgentWorker& worker, int fd) {
    std::string bytes(64 << 10, '\0');
    const ssize_t count = read(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) return;
    worker.last_heard = clock_.now();
    const bool is_out = fd == worker.out.get();
    if (count <= 0) {
      (is_out ? worker.out : worker.err).Close();
      return;
    }
    bytes.resize(static_cast<size_t>(count));
    Say({is_out ? MessageKind::kOut : MessageKind::kErr, worker.rank, std::move(bytes)});
  }

  void ReadOrders() {
    char bytes[4096];
    const ssize_t count = read(STDIN_FILENO, bytes, sizeof(bytes));
    if (count < 0 && errno == EINTR) return;
    if (count <= 0) {
      connected_ = false;
      return;
    }
    orders_.Append({bytes, static_cast<size_t>(count)});
    while (const std::optional<Message> message = orders_.Next()) Obey(*message);
  }

  void Obey(const Message& message) {
    if (message.kind == MessageKind::kPing) {
      silence_s_ = std::max(message.value, 1);
      speak_until_ = clock_.now() + std::chrono::seconds(silence_s_);
    }
    if (message.kind == MessageKind::kSignal) processes_.Signal(message.value);
    if (message.kind == MessageKind::kStart) {
      try {
        Start(ParseStartOrder(message.text));
      } catch (const launch::SpawnError& error) {
        Say({MessageKind::kRefused, error.status(),
             fmt::format("{}; give a path, or the name of a program in PATH", error.what())});
      } catch (const Error& error) {
        Say({MessageKind::kRefused, 1, error.what()});
      }
    }
  }

  void Start(const StartOrder& order) {
    CONVOY_CHECK(chdir(order.folder.c_str()) == 0,
                 "expected the folder '{}' here too, got: {}; start from a folder that all hosts "
                 "have",
                 order.folder, std::strerror(errno));
    workers_.reserve(order.ranks.size());
    for (size_t i = 0; i < order.ranks.size(); ++i) {
      Pipe out, err;
      const pid_t pid = processes_.Start({.program = order.command[0],
                                          .argv = order.command,
                                          .env = WorkerEnvironment(order, static_cast<int>(i)),
                                          .in = launch::SpawnOptions::kNull,
                                          .out = out.to.get(),
                                          .err = err.to.get(),
                                          .new_session = true});
      workers_.push_back(
          {.rank = order.ranks[i], .out = std::move(out.from), .err = std::move(err.from)});
      Say({MessageKind::kStarted, order.ranks[i], std::to_string(pid)});
    }
  }

  void Reap() {
    for (const auto& [child, status] : processes_.Reap()) {
      workers_[child].status = status;
      workers_[child].last_heard = workers_[child].ended_at = clock_.now();
    }
    for (AgentWorker& worker : workers_) {
      const bool silent = !worker.out && !worker.err;
      if (!worker.status || worker.reported) continue;
      const Duration now = clock_.now();
      if (!silent && now - worker.last_heard < kLastWords &&
          now - worker.ended_at < kAllLastWords) {
        continue;
      }
      Say({MessageKind::kEnded, worker.rank, std::to_string(*worker.status)});
      worker.reported = true;
    }
  }

  launch::SignalCatcher signals_{{SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT}, /*restart=*/false};
  AwakeClock clock_;
  OutputQueue queue_{kMaxQueued};  // what is on its way to the launcher
  MessageReader orders_;
  launch::ChildProcesses processes_{{.groups = true, .orphans = true}};
  std::vector<AgentWorker> workers_;  // in the order of processes_
  size_t first_ = 0;                  // the one that is read first: see Poll
  bool connected_ = true;
  int silence_s_ = 0;                    // as the launcher wants it
  std::optional<Duration> speak_until_;  // the launcher's next ping at the latest
};

}  // namespace

std::vector<std::string> WorkerEnvironment(const StartOrder& order, int local_rank) {
  std::vector<std::string> names = StaleVariables();
  for (const std::string& variable : order.env)
    names.push_back(variable.substr(0, variable.find('=')));
  std::vector<std::string> env = launch::EnvironmentWithout(names);
  env.insert(env.end(), order.env.begin(), order.env.end());
  env.push_back(fmt::format("RANK={}", order.ranks[static_cast<size_t>(local_rank)]));
  env.push_back(fmt::format("LOCAL_RANK={}", local_rank));
  env.push_back(fmt::format("LOCAL_WORLD_SIZE={}", order.ranks.size()));
  return env;
}

int RunAgent() {
  signal(SIGPIPE, SIG_IGN);
  launch::AdoptOrphans();
  try {
    return Agent().Run();
  } catch (const std::exception& error) {
    WriteErrorLine("error: " + ErrorText(error));
    launch::KillDescendants();
    return 1;
  }
}

}  // namespace convoy::launcher
