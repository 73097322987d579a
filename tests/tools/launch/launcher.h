// tools/launch in a test: its command line, files for it, and what it has started.
#pragma once

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/models/trainers/subprocess.h"
#include "tools/launcher/messages.h"

namespace convoy::launcher {

inline const std::string kLauncher = "tools/launcher/launcher";

inline std::vector<std::string> CommandLine(std::vector<std::string> flags,
                                            const std::string& script) {
  flags.insert(flags.begin(), kLauncher);
  flags.insert(flags.end(), {"--", "sh", "-c", script});
  return flags;
}

// `tools/launch flags... -- sh -c script`
inline ProcessResult Run(const std::vector<std::string>& flags, const std::string& script) {
  return RunProcess(CommandLine(flags, script));
}

inline std::vector<std::string> Lines(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

inline std::string Sorted(const std::string& text) {
  std::vector<std::string> lines = Lines(text);
  std::sort(lines.begin(), lines.end());
  std::string sorted;
  for (const std::string& line : lines) sorted += line + "\n";
  return sorted;
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

// For /bin/sh: prints these bytes.
inline std::string Print(std::string_view bytes) {
  std::string command = "printf '";
  for (const char byte : bytes) command += fmt::format("\\{:03o}", static_cast<uint8_t>(byte));
  return command + "'\n";
}

// Stands in for ssh and an agent that has said these messages, and then says and does nothing.
inline std::string SilentAgent(const std::vector<Message>& messages) {
  std::string said(kPreamble);
  for (const Message& message : messages) said += Encode(message);
  return "#!/bin/sh\n" + Print(said) + "exec sleep 1000\n";
}

// Stands in for ssh: greets, then runs the agent here.
inline const std::string kFakeSsh = "#!/bin/sh\necho \"Welcome to $1\"\nshift\nexec \"$@\"\n";

}  // namespace convoy::launcher
