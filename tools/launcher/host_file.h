// The hosts of a job, and how many workers each may run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace convoy::launcher {

struct Host {
  std::string name;  ///< as ssh takes it
  int slots = 1;     ///< workers that it may run
};

/// Reads a file of lines `HOST [slots=N]`; what follows a # is a comment.
/// Throws: Error if it cannot be read, or that of ParseHosts.
std::vector<Host> ReadHostFile(const std::string& path);

/// Throws: Error `[tools/launch] PATH:LINE: expected ..., got ...; ...`.
std::vector<Host> ParseHosts(std::string_view text, const std::string& path);

}  // namespace convoy::launcher
