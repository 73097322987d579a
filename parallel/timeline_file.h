// A JSON array that several processes add to, whole after every addition.
#pragma once

#include <string>

namespace convoy {

/// Safe to use from several processes and threads, each with an object of its own.
class TimelineFile {
 public:
  /// Opens the file, or makes it. Who comes with an `id` that the file does not have starts it
  /// anew: all objects of a run have the same one.
  /// Throws: Error if that fails, or if the file is there and no timeline.
  TimelineFile(const std::string& path, const std::string& id);
  ~TimelineFile();
  TimelineFile(const TimelineFile&) = delete;
  TimelineFile& operator=(const TimelineFile&) = delete;

  /// `events`: objects, each with ",\n" before it. If they cannot be written, the file stays as it
  /// was, a line on stderr says so, and all further calls do nothing.
  void Append(const std::string& events) noexcept;

 private:
  class Lock;
  void Start();
  // Why it cannot be written; empty.
  std::string TryAppend(const std::string& events);

  const std::string path_;
  const std::string head_;  // of the file, as this run has it
  int file_ = -1;
  bool broken_ = false;
};

}  // namespace convoy
