// The variables that all workers of a job have in common.
#include "tools/launcher/job_variables.h"

#include <sys/random.h>

#include <cerrno>
#include <cstring>

#include "core/base/error.h"

namespace convoy::launcher {
namespace {

std::string RandomHex(size_t bytes) {
  std::string random(bytes, '\0');
  CONVOY_CHECK(getrandom(random.data(), bytes, 0) == static_cast<ssize_t>(bytes),
               "[tools/launch] cannot draw random numbers: {}", std::strerror(errno));
  std::string hex;
  for (const char c : random) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

}  // namespace

std::vector<std::string> JobVariables(const JobFacts& job) {
  std::vector<std::string> env = {fmt::format("WORLD_SIZE={}", job.workers),
                                  fmt::format("MASTER_PORT={}", job.port),
                                  "CONVOY_LAUNCHER=tools/launch"};
  if (job.hosts == 1) {
    env.push_back("MASTER_ADDR=127.0.0.1");
    env.push_back("CONVOY_RENDEZVOUS=local:launch-" + RandomHex(16));
    return env;
  }
  const std::string host = job.first_host.substr(job.first_host.find('@') + 1);
  const bool v6 = host.find(':') != host.npos;
  env.push_back("MASTER_ADDR=" + host);
  env.push_back(fmt::format("CONVOY_RENDEZVOUS=tcp://{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "",
                            job.port));
  env.push_back("CONVOY_SECRET=" + RandomHex(32));
  return env;
}

}  // namespace convoy::launcher
