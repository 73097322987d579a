// tools/launch in a test: its command line, files for it, and what it has started.
#pragma once

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

namespace convoy {

inline const std::string kLauncher = "tools/launcher/launcher";

inline std::vector<std::string> CommandLine(std::vector<std::string> flags,
                                            const std::string& script) {
  flags.insert(flags.begin(), kLauncher);
  flags.insert(flags.end(), {"--", "sh", "-c", script});
  return flags;
}

// A number that names the processes of one test: `sleep` with this many seconds.
inline std::string UniqueSeconds() {
  static int count = 0;
  return fmt::format("1000.{}{:03}", getpid(), ++count);
}

inline int CountProcesses(const std::string& marker) {
  int count = 0;
  DIR* folder = opendir("/proc");
  while (const dirent* entry = readdir(folder)) {
    std::ifstream file(fmt::format("/proc/{}/cmdline", entry->d_name), std::ios::binary);
    std::string line;  // without an end; empty if the process has gone meanwhile
    std::getline(file, line);
    count += line.starts_with("sleep") && line.find(marker) != line.npos;
  }
  closedir(folder);
  return count;
}

inline bool Within(double seconds, const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

// A file of this test that is gone afterwards.
class TempFile {
 public:
  explicit TempFile(const std::string& text, bool executable = false) {
    static int count = 0;
    const char* folder = std::getenv("TEST_TMPDIR");
    path_ = fmt::format("{}/{}-{}", folder != nullptr ? folder : "/tmp", getpid(), ++count);
    std::ofstream(path_) << text;
    if (executable) chmod(path_.c_str(), 0755);
  }
  ~TempFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Stands in for ssh: greets, then runs the agent here.
inline const std::string kFakeSsh = "#!/bin/sh\necho \"Welcome to $1\"\nshift\nexec \"$@\"\n";

}  // namespace convoy
