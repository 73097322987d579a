// The variables that all workers of a job have in common.
#pragma once

#include <string>
#include <vector>

namespace convoy::launcher {

struct JobFacts {
  int workers = 1;
  int hosts = 1;
  std::string first_host;  ///< as ssh takes it: perhaps with a user
  int port = 0;            ///< free on the first host
};

/// "NAME=VALUE". Says also where they meet: on one host under a name that no other job has, which
/// takes no port; on several at the first one, where a secret that is drawn here lets them in.
std::vector<std::string> JobVariables(const JobFacts& job);

}  // namespace convoy::launcher
