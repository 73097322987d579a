// A program run by a test.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace convoy {

struct ProcessResult {
  int status = 0;  ///< exit status, or 128 + the signal that ended it
  std::string out;
  std::string err;
};

/// Runs from construction on. Ended by force if it is still running at destruction.
class Subprocess {
 public:
  /// `argv[0]` is the program's path. With `terminal` its stdout is a terminal of 120 columns.
  explicit Subprocess(const std::vector<std::string>& argv, bool terminal = false);
  ~Subprocess();
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  /// Waits until stdout contains `text`. False if it ends without.
  bool WaitForOutput(const std::string& text);
  void Signal(int signal);
  pid_t pid() const { return pid_; }
  ProcessResult Wait();

 private:
  void Read(int fd, std::string& into);

  pid_t pid_ = -1;
  ProcessResult result_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool out_ended_ = false;
  std::thread out_reader_;
  std::thread err_reader_;
};

/// Runs to the end.
ProcessResult RunProcess(const std::vector<std::string>& argv, bool terminal = false);

}  // namespace convoy
