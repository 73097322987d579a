// A folder for what a run that fails leaves.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "tests/json.h"

namespace convoy {

class DumpFolder {
 public:
  DumpFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "history.XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~DumpFolder() { std::filesystem::remove_all(path_); }
  DumpFolder(const DumpFolder&) = delete;
  DumpFolder& operator=(const DumpFolder&) = delete;

  const std::string& path() const { return path_; }
  /// What worker `rank` has left. Throws: if it is not there, or no JSON.
  nlohmann::json Read(int rank) const {
    return ReadJson(path_ + "/collectives-rank-" + std::to_string(rank) + ".json");
  }

 private:
  std::string path_;
};

}  // namespace convoy
