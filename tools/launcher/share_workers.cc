// Which workers run where.
#include <algorithm>

#include "core/base/error.h"
#include "core/base/host_name.h"
#include "tools/launcher/job.h"

namespace convoy::launcher {

namespace {

bool IsThisHost(const std::string& name) { return name == "localhost" || name == HostName(); }

}  // namespace

std::vector<HostShare> ShareWorkers(const JobOptions& options) {
  std::vector<HostShare> shares;
  int rank = 0;
  const auto add = [&](const std::string& host, int count) {
    shares.push_back({.host = host});
    for (int i = 0; i < count; ++i) shares.back().ranks.push_back(rank++);
  };
  if (options.hosts.empty()) {
    add("", options.workers);
    return shares;
  }
  for (const Host& host : options.hosts) {
    const int count = std::min(host.slots, options.workers - rank);
    if (count > 0) add(IsThisHost(host.name) ? "" : host.name, count);
  }
  CONVOY_CHECK(
      rank == options.workers,
      "[tools/launch] --workers: expected at most {}, as many as the hosts have slots, got "
      "{}; write `HOST slots=N` in the file of --hosts, or give fewer workers",
      rank, options.workers);
  return shares;
}

}  // namespace convoy::launcher
