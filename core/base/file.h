// Files read at any place, and files replaced in one step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/descriptor.h"

namespace convoy {

struct OutputPlace;

/// A regular file, open for reading. Safe to read from several threads.
class InputFile {
 public:
  /// Opens at once, whatever is there: a named pipe is not waited for, and a device is not touched.
  /// Throws: Error starting with `[component]` if it cannot be opened, or is no regular file; the
  /// message says what it is, and what is expected.
  InputFile(const char* component, const std::string& path);

  const std::string& path() const { return path_; }
  int descriptor() const { return file_.get(); }
  int64_t bytes() const { return bytes_; }
  /// Reads `bytes` bytes from `offset` on. Throws: Error if they are not there any more.
  void Read(void* to, int64_t offset, int64_t bytes) const;

 private:
  const char* component_;
  std::string path_;
  Descriptor file_;
  int64_t bytes_ = 0;
};

/// All of a file of at most `most_bytes` bytes. With `pipes`, of a pipe as well (/dev/stdin, a
/// process substitution), up to its end: for what is read once, by one process.
/// Throws: Error starting with `[component]` as InputFile; if there is more; if nobody writes to
/// the pipe.
std::string ReadWholeFile(const char* component, const std::string& path, int64_t most_bytes,
                          bool pipes = false);

/// The text of a file of /proc or /sys, whose size is not known beforehand; empty if it cannot be
/// read.
std::string ReadKernelFile(const std::string& path);

/// A file that replaces what was at `path` when Commit returns, durably; before, and whatever goes
/// wrong, the old file is untouched. Symbolic links are followed, and the file keeps the mode and,
/// where this user may, the owner of the one that it replaces. Until Commit the new file has no
/// name (O_TMPFILE), so nothing stays behind if the process is killed; it has one, `NAME.tmp-...`,
/// only between the last two system calls, or on file systems without such files. Output to a
/// stream (core/base/output_file.h) goes there at once.
class AtomicFile {
 public:
  /// Throws: Error starting with `[component]` if the file cannot be made, or if what is at `path`
  /// is no regular file.
  AtomicFile(const char* component, const std::string& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  /// Throws: Error with the system's reason (a full disk, a quota, a limit) and how far it got.
  void Write(const void* from, size_t bytes);
  void Commit();

 private:
  [[noreturn]] void FailWith(const char* what, int error) const;

  const char* component_;
  std::string path_;  // as it was given
  const std::unique_ptr<const OutputPlace> place_;
  std::string draft_;  // the name of what is being written; empty if it has none
  Descriptor file_;
  int64_t written_ = 0;
};

/// Replaces the file by `text` as AtomicFile does. Throws: Error starting with `[component]`.
void WriteTextFile(const char* component, const std::string& path, std::string_view text);

}  // namespace convoy
