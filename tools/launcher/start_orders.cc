// What each host's agent is told to start.
#include "tools/launcher/start_orders.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/base/error.h"
#include "tools/launcher/job_variables.h"

namespace convoy::launcher {

std::vector<StartOrder> MakeOrders(const JobOptions& options, const std::vector<HostShare>& shares,
                                   const std::string& first_host, int free_port) {
  const int port = options.port > 0 ? options.port : free_port;
  CONVOY_CHECK(port > 0,
               "[tools/launch] expected a TCP port that is free on host '{}', got none; name one "
               "with --port",
               first_host);
  char folder[4096];
  CONVOY_CHECK(getcwd(folder, sizeof(folder)) != nullptr,
               "[tools/launch] cannot find the current folder: {}", std::strerror(errno));
  const std::vector<std::string> common = JobVariables({.workers = options.workers,
                                                        .hosts = static_cast<int>(shares.size()),
                                                        .first_host = first_host,
                                                        .port = port});
  std::vector<StartOrder> orders;
  for (const HostShare& share : shares) {
    StartOrder& order = orders.emplace_back(StartOrder{
        .folder = folder, .command = options.command, .env = common, .ranks = share.ranks});
    order.env.push_back(fmt::format("GROUP_RANK={}", orders.size() - 1));
    for (const std::string& name : options.env) {
      const char* value = std::getenv(name.c_str());
      if (value != nullptr) order.env.push_back(name + "=" + value);
    }
  }
  return orders;
}

}  // namespace convoy::launcher
