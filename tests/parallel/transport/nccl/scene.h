// How tests start worker_main's scenes, and what its workers leave behind.
#pragma once

#include <fmt/format.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace convoy {

/// One of worker_main's scenes, with a folder in which each worker may leave a text.
class Scene {
 public:
  explicit Scene(std::string name) : name_(std::move(name)) {
    std::string folder = (std::filesystem::temp_directory_path() / "convoy-XXXXXX").string();
    folder_ = mkdtemp(folder.data());
  }
  ~Scene() { std::filesystem::remove_all(folder_); }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  /// The command that plays it; on GPUs unless `flags` say otherwise. Another program than the
  /// build's may be named in WORKER_MAIN.
  std::vector<std::string> Command(const std::vector<std::string>& flags,
                                   const std::vector<std::string>& variables = {}) const {
    const char* given = getenv("WORKER_MAIN");
    std::vector<std::string> argv{"/usr/bin/env", "SCENE=" + name_, "FOLDER=" + folder_};
    argv.insert(argv.end(), variables.begin(), variables.end());
    argv.push_back(given != nullptr ? given : "tests/parallel/transport/nccl/worker_main");
    if (std::find(flags.begin(), flags.end(), "--device") == flags.end()) {
      argv.insert(argv.end(), {"--device", "cuda"});
    }
    argv.insert(argv.end(), flags.begin(), flags.end());
    return argv;
  }

  /// What a worker has left.
  std::string Left(int rank) const {
    std::ifstream file(fmt::format("{}/{}", folder_, rank));
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  const std::string name_;
  std::string folder_;
};

}  // namespace convoy
