// Where the processes of a job meet, by their environment.
#include "parallel/launch/env/meeting_env.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "parallel/launch/env/slurm.h"
#include "parallel/net/socket.h"

namespace convoy::launch {
namespace {

constexpr std::string_view kLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
constexpr size_t kMaxHost = 255;
constexpr size_t kMaxPath = 4096;
constexpr size_t kMaxName = 64;  // an abstract socket's name has 107 bytes for all
constexpr size_t kMinSecret = 16;
constexpr size_t kMaxSecret = 4096;
constexpr int kDefaultPort = 29500;  // torch's
constexpr int kMaxPort = 65535;

bool MadeOf(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return kLetters.find(c) != kLetters.npos || others.find(c) != others.npos;
  });
}

bool IsHost(std::string_view text) {
  return !text.empty() && text.size() <= kMaxHost && MadeOf(text, "._-:%");
}

constexpr std::string_view kForms =
    "use tcp://HOST:PORT (rank 0's machine and a free port of it), file:PATH (a file that all "
    "hosts see) or local:NAME (all on one machine)";

// "::1" of "[::1]"; everything else as it is.
std::string_view WithoutBrackets(std::string_view host) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  return bracketed ? host.substr(1, host.size() - 2) : host;
}

// "host:1" or "[::1]:1"
rendezvous::MeetingPlace ParseAddress(std::string_view text, std::string_view variable,
                                      std::string_view whole) {
  const size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon);
  const int64_t port = colon == text.npos ? 0 : ParseNumber(text.substr(colon + 1)).value_or(0);
  const bool bracketed = WithoutBrackets(host).size() < host.size();
  host = WithoutBrackets(host);
  CONVOY_CHECK(IsHost(host) && (bracketed || host.find(':') == host.npos),
               "[Launch] {}: expected a host's name or address (IPv6 in brackets) after tcp://, "
               "got '{}'; {}",
               variable, whole, kForms);
  CONVOY_CHECK(port >= 1 && port <= kMaxPort,
               "[Launch] {}: expected a port from 1 to {} after the host, got '{}'; {}", variable,
               kMaxPort, whole, kForms);
  return {.kind = rendezvous::MeetingPlace::Kind::kAddress,
          .host = std::string(host),
          .port = static_cast<int>(port)};
}

// Everything that was read is part of every name, but not more of it than fits.
std::string ShortName(std::string name) {
  for (char& c : name) {
    if (!MadeOf(std::string_view(&c, 1), "._-")) c = '_';
  }
  if (name.size() <= kMaxName) return name;
  const uint64_t hash = FnvHash(name);
  return fmt::format("{}-{:016x}", name.substr(0, kMaxName - 17), hash);
}

std::string ReadSecret(EnvReader& env) {
  const std::string& secret = env.Get("CONVOY_SECRET");
  CONVOY_CHECK(secret.empty() || (secret.size() >= kMinSecret && secret.size() <= kMaxSecret),
               "[Launch] CONVOY_SECRET: expected {} to {} characters, got {}; export "
               "CONVOY_SECRET=$(openssl rand -hex 32), the same for all processes",
               kMinSecret, kMaxSecret, secret.size());
  return secret;
}

rendezvous::MeetingPlace Address(std::string host, int port, std::string secret, int size) {
  CONVOY_CHECK(
      !secret.empty(),
      "[Launch] expected CONVOY_SECRET, with which the {} processes of this job prove that they "
      "belong to it when they meet at {}:{}, got none; draw one with `export "
      "CONVOY_SECRET=$(openssl rand -hex 32)` before mpirun -x CONVOY_SECRET, srun or torchrun "
      "(the "
      "same on all hosts), or name a file that all hosts see: CONVOY_RENDEZVOUS=file:PATH",
      size, host, port);
  return {.kind = rendezvous::MeetingPlace::Kind::kAddress,
          .host = std::move(host),
          .port = port,
          .secret = std::move(secret)};
}

// torchrun's agent may listen on the job's port itself.
int MasterPort(EnvReader& env) {
  const int port =
      env.GetNumber("MASTER_PORT", 1, kMaxPort,
                    "give all processes the same port, one that is free on rank 0's machine")
          .value_or(kDefaultPort);
  if (env.Get("TORCHELASTIC_USE_AGENT_STORE") != "True") return port;
  return port < kMaxPort ? port + 1 : port - 1;
}

rendezvous::MeetingPlace LocalPlace(const JobShape& job) {
  std::string name = job.name ? job.name() : "";
  CONVOY_CHECK(!name.empty(),
               "[Launch] expected something that the {} processes of this job have in common, got "
               "none of MASTER_ADDR, MASTER_PORT and CONVOY_RENDEZVOUS; give them all one "
               "CONVOY_RENDEZVOUS=local:NAME, or start them with tools/launch",
               job.size);
  return {.kind = rendezvous::MeetingPlace::Kind::kLocal, .name = ShortName(std::move(name))};
}

}  // namespace

rendezvous::MeetingPlace ParseMeetingPlace(std::string_view text, std::string_view variable) {
  constexpr std::string_view kTcp = "tcp://", kFile = "file:", kLocal = "local:";
  if (text.starts_with(kTcp)) return ParseAddress(text.substr(kTcp.size()), variable, text);
  rendezvous::MeetingPlace place;
  if (text.starts_with(kFile)) {
    place.kind = rendezvous::MeetingPlace::Kind::kFile;
    place.name = text.substr(kFile.size());
    CONVOY_CHECK(place.name.starts_with('/') && place.name.size() <= kMaxPath,
                 "[Launch] {}: expected an absolute path of at most {} characters after file:, got "
                 "'{}'; {}",
                 variable, kMaxPath, text, kForms);
    return place;
  }
  CONVOY_CHECK(text.starts_with(kLocal),
               "[Launch] {}: expected tcp://HOST:PORT, file:PATH or local:NAME, got '{}'; {}",
               variable, text, kForms);
  place.name = text.substr(kLocal.size());
  CONVOY_CHECK(!place.name.empty() && place.name.size() <= kMaxName && MadeOf(place.name, "._-"),
               "[Launch] {}: expected 1 to {} letters, digits, '.', '_' or '-' after local:, got "
               "'{}'; {}",
               variable, kMaxName, text, kForms);
  return place;
}

std::string ReadHost(EnvReader& env) {
  const std::string& given = env.Get("CONVOY_HOST");
  const std::string host(WithoutBrackets(given));
  CONVOY_CHECK(host.empty() || IsHost(host),
               "[Launch] CONVOY_HOST: expected the name or address at which the other hosts reach "
               "this machine, got '{}'; set it to one that `ip address` shows, or unset it",
               given);
  return host;
}

rendezvous::MeetingPlace ReadMeetingPlace(const JobShape& job, EnvReader& env) {
  using Kind = rendezvous::MeetingPlace::Kind;
  std::string secret = ReadSecret(env);
  if (const std::string& text = env.Get("CONVOY_RENDEZVOUS"); !text.empty()) {
    rendezvous::MeetingPlace place = ParseMeetingPlace(text, "CONVOY_RENDEZVOUS");
    if (place.kind == Kind::kAddress) {
      return Address(place.host, place.port, std::move(secret), job.size);
    }
    CONVOY_CHECK(place.kind != Kind::kLocal || job.local_size.value_or(job.size) == job.size,
                 "[Launch] CONVOY_RENDEZVOUS: expected an address or a file that all hosts reach, "
                 "as only {} of the {} processes are on this machine, got '{}'; {}",
                 job.local_size.value_or(0), job.size, text, kForms);
    return place;
  }
  const std::string& given = env.Get("MASTER_ADDR");
  const std::string host(WithoutBrackets(given));  // as an IPv6 address has them in URLs
  CONVOY_CHECK(host.empty() || IsHost(host),
               "[Launch] MASTER_ADDR: expected the name or address of rank 0's machine, got '{}'; "
               "set it to what `hostname` says there",
               given);
  const int port = MasterPort(env);
  const bool all_here = job.local_size == job.size;
  if (net::IsLoopback(host)) {
    CONVOY_CHECK(
        !job.local_size || all_here,
        "[Launch] MASTER_ADDR: expected an address that all hosts reach, as only {} of the "
        "{} processes are on this machine, got '{}'; set it to what `hostname` says on "
        "rank 0's machine",
        *job.local_size, job.size, host);
  }
  if (secret.empty() && (all_here || net::IsLoopback(host))) return LocalPlace(job);
  if (!host.empty()) return Address(host, port, std::move(secret), job.size);
  if (all_here) return LocalPlace(job);
  if (job.slurm) {
    const std::string_view variable =
        env.Has("SLURM_STEP_NODELIST") ? "SLURM_STEP_NODELIST" : "SLURM_JOB_NODELIST";
    if (const std::string& nodes = env.Get(variable); !nodes.empty()) {
      std::string first = FirstSlurmHost(nodes, variable);
      CONVOY_CHECK(IsHost(first), "[Launch] {}: expected names of hosts, got '{}'; set MASTER_ADDR",
                   variable, nodes);
      return Address(std::move(first), SlurmPort(env.Get("SLURM_JOB_ID")), std::move(secret),
                     job.size);
    }
  }
  Fail(
      "[Launch] expected MASTER_ADDR (rank 0's machine), where the {} processes of this job meet, "
      "got none; export MASTER_ADDR, MASTER_PORT and CONVOY_SECRET=$(openssl rand -hex 32) to all "
      "of them (mpirun -x NAME), or name a file that all hosts see: CONVOY_RENDEZVOUS=file:PATH; "
      "if all are on one machine: CONVOY_RENDEZVOUS=local:NAME; read: {}",
      job.size, env.seen());
}

}  // namespace convoy::launch
