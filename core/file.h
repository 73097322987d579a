// Files read at any place, and files replaced in one step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace convoy {

/// An open file descriptor, closed with its owner.
class FileHandle {
 public:
  explicit FileHandle(int descriptor) : descriptor_(descriptor) {}
  FileHandle(FileHandle&& other) noexcept : descriptor_(other.Release()) {}
  FileHandle& operator=(FileHandle&& other) = delete;
  ~FileHandle();

  int get() const { return descriptor_; }
  int Release();

 private:
  int descriptor_;
};

/// A regular file, open for reading. Safe to read from several threads.
class InputFile {
 public:
  /// Throws: Error starting with `[component]` if it cannot be opened.
  InputFile(const char* component, const std::string& path);

  const std::string& path() const { return path_; }
  int64_t bytes() const { return bytes_; }
  /// Reads `bytes` bytes from `offset` on. Throws: Error if they are not there any more.
  void Read(void* to, int64_t offset, int64_t bytes) const;

 private:
  const char* component_;
  std::string path_;
  FileHandle file_;
  int64_t bytes_ = 0;
};

/// A file that replaces what was at `path` when Commit returns, durably; before, and whatever goes
/// wrong, the old file is untouched and nothing else is left behind.
class AtomicFile {
 public:
  /// Throws: Error starting with `[component]` if the folder cannot be written to.
  AtomicFile(const char* component, const std::string& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  /// Throws: Error with the system's reason (a full disk, a quota) and how far it got.
  void Write(const void* from, size_t bytes);
  void Commit();

 private:
  [[noreturn]] void FailWith(const char* what) const;

  const char* component_;
  std::string path_;
  std::string temporary_;
  FileHandle file_;
  int64_t written_ = 0;
  bool committed_ = false;
};

/// Replaces the file by `text` as AtomicFile does. What is there and is no regular file (a pipe,
/// /dev/stdout) is written to as it is. Throws: Error starting with `[component]`.
void WriteTextFile(const char* component, const std::string& path, std::string_view text);

}  // namespace convoy
