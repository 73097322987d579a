// What each host's agent is told to start.
#pragma once

#include <string>
#include <vector>

#include "tools/launcher/job.h"
#include "tools/launcher/messages.h"

namespace convoy::launcher {

/// One for each of `shares`. `free_port`: on the first host, for a job whose options name none; 0:
/// there is none. Throws: Error without any port, or if the current folder cannot be found.
std::vector<StartOrder> MakeOrders(const JobOptions& options, const std::vector<HostShare>& shares,
                                   const std::string& first_host, int free_port);

}  // namespace convoy::launcher
