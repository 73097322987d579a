// A JSON array that several processes add to, whole at every moment.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "core/base/file.h"

namespace convoy {

/// A file of events that is a whole JSON array whatever happens to its writers, SIGKILL at any
/// moment included. Safe to use from several processes and threads, each with an object of its own.
class TimelineFile {
 public:
  /// Opens the file, or makes it. An object with an `id` that the file does not have starts it
  /// anew: all objects of a run have the same one.
  /// Throws: Error if that fails, if the file is there and no timeline, or if another run is
  /// writing to it.
  TimelineFile(const std::string& path, const std::string& id);
  TimelineFile(const TimelineFile&) = delete;
  TimelineFile& operator=(const TimelineFile&) = delete;

  /// `events`: objects, each with ",\n" before it and no line's end within. If they cannot be
  /// written, the file stays a whole array, a line on stderr says so, and all further calls do
  /// nothing.
  void Append(std::string_view events) noexcept;
  bool broken() const { return broken_; }

 private:
  class Turn;

  // These return an errno, or 0.
  int Start();
  int Open();
  int TakePart();
  int AppendInTurn(std::string_view events);
  int WritePiece(std::string_view piece, off_t at);
  // Replaces the file by one with the events so far, or none, `events`, and new space.
  int Renew(bool keep, std::string_view events);

  void TryAppend(std::string_view events);
  bool IsReplaced() const;
  void FindEnd();

  const std::string given_;  // the path, as messages show it
  const std::string head_;   // of the file, as this run has it
  std::string path_;         // with symbolic links followed
  std::optional<Descriptor> file_;
  off_t end_ = 0;    // of the events that this object knows of
  off_t limit_ = 0;  // where the space ends, and what closes the array begins
  bool broken_ = false;
};

}  // namespace convoy
