// Jobs: command lines of launchers, and the variables that they would set.
#include "tests/models/trainers/job.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace convoy {
namespace {

using Words = std::vector<std::string>;

Words Joined(Words first, const Words& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

std::vector<Words> OpenMpi(int workers, const Words& command) {
  return {Joined({"/usr/bin/mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "-n",
                  std::to_string(workers)},
                 command)};
}

std::vector<Words> Mpich(int workers, const Words& command) {
  return {Joined({"/usr/bin/mpirun.mpich", "-n", std::to_string(workers)}, command)};
}

std::vector<Words> ToolsLaunch(int workers, const Words& command) {
  return {Joined({"tools/launcher/launcher", "--workers", std::to_string(workers), "--"}, command)};
}

std::vector<Words> Bare(int workers, const Words& command, const Words& place) {
  std::vector<Words> lines;
  for (int rank = 0; rank < workers; ++rank) {
    lines.push_back(WithVariables(
        Joined({fmt::format("RANK={}", rank), fmt::format("WORLD_SIZE={}", workers)}, place),
        command));
  }
  return lines;
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{.sin_family = AF_INET};
  socklen_t size = sizeof(address);
  bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

std::vector<Words> BareLocal(int workers, const Words& command) {
  return Bare(workers, command, {"CONVOY_RENDEZVOUS=local:" + UniqueName()});
}

std::vector<Words> BareFile(int workers, const Words& command) {
  const char* folder = std::getenv("TEST_TMPDIR");
  return Bare(workers, command,
              {fmt::format("CONVOY_RENDEZVOUS=file:{}/{}", folder != nullptr ? folder : "/tmp",
                           UniqueName())});
}

constexpr char kSecret[] = "9c1f0a7be2d34586f0e1c2b3a4958677";

std::vector<Words> BareTcp(int workers, const Words& command) {
  return Bare(workers, command,
              {fmt::format("CONVOY_RENDEZVOUS=tcp://127.0.0.1:{}", FreePort()),
               std::string("CONVOY_SECRET=") + kSecret});
}

}  // namespace

bool Starter::Installed() const {
  if (needs.empty() || access(needs.c_str(), X_OK) == 0) return true;
  std::printf("SKIPPED: %s: there is no %s (tools/setup --tests)\n", name.c_str(), needs.c_str());
  return false;
}

const std::vector<Starter>& Starters() {
  static const std::vector<Starter> starters = {
      {"Open MPI", "/usr/bin/mpirun.openmpi", OpenMpi},
      {"MPICH", "/usr/bin/mpirun.mpich", Mpich},
      {"tools/launch", "", ToolsLaunch},
      {"local", "", BareLocal},
      {"file", "", BareFile},
      {"tcp", "", BareTcp},
  };
  return starters;
}

const Starter& FindStarter(const std::string& name) {
  return *std::find_if(Starters().begin(), Starters().end(),
                       [&](const Starter& starter) { return starter.name == name; });
}

const Words kPatientOpenMpi{"OMPI_MCA_odls_base_sigkill_timeout=8"};

Words WithVariables(const Words& variables, const Words& command) {
  return Joined(Joined({"/usr/bin/env"}, variables), command);
}

Words BareWorker(int rank, int size, const std::string& name, const Words& command) {
  return WithVariables({fmt::format("RANK={}", rank), fmt::format("WORLD_SIZE={}", size),
                        "CONVOY_RENDEZVOUS=local:" + name},
                       command);
}

std::string UniqueName() {
  static int count = 0;
  return fmt::format("test-{}-{}", getpid(), ++count);
}

Job::Job(const std::vector<Words>& command_lines, const Words& variables) {
  for (const Words& line : command_lines) {
    processes_.push_back(std::make_unique<Subprocess>(WithVariables(variables, line)));
  }
}

std::vector<ProcessResult> Job::Wait() {
  std::vector<ProcessResult> results;
  for (const auto& process : processes_) results.push_back(process->Wait());
  return results;
}

std::string Said(const std::vector<ProcessResult>& results) {
  std::string text;
  for (const ProcessResult& result : results) {
    text += fmt::format("status {}\n{}{}", result.status, result.out, result.err);
  }
  return text;
}

}  // namespace convoy
