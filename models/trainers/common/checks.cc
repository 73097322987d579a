// Checks of what is on the command line.
#include "models/trainers/common/checks.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/error.h"

namespace convoy {

void CheckWritable(const char* flag, const std::string& path) {
  const std::filesystem::path target(path);
  std::error_code ignored;
  CONVOY_CHECK(!std::filesystem::is_directory(target, ignored),
               "[{}] '{}' is a folder; give the name of a file", flag, path);
  const std::string folder = target.has_parent_path() ? target.parent_path().string() : ".";
  CONVOY_CHECK(std::filesystem::is_directory(folder, ignored),
               "[{}] cannot write '{}': there is no folder '{}'", flag, path, folder);
  CONVOY_CHECK(access(folder.c_str(), W_OK | X_OK) == 0, "[{}] cannot write '{}': {}: {}", flag,
               path, folder, std::strerror(errno));
}

}  // namespace convoy
