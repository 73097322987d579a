// Files read at any place, and files replaced in one step.
#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "core/error.h"

namespace convoy {
namespace {

constexpr int64_t kMostAtOnce = int64_t{1} << 30;  // Linux moves less than 2 GiB in one call

// Beside `path`, and of this save alone.
std::string TemporaryName(const std::string& path) {
  static std::atomic<int> count = 0;
  return fmt::format("{}.tmp-{}-{}", path, getpid(), count.fetch_add(1));
}

}  // namespace

FileHandle::~FileHandle() {
  if (descriptor_ >= 0) close(descriptor_);
}

int FileHandle::Release() { return std::exchange(descriptor_, -1); }

InputFile::InputFile(const char* component, const std::string& path)
    : component_(component), path_(path), file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  struct stat info;
  CONVOY_CHECK(file_.get() >= 0 && fstat(file_.get(), &info) == 0, "[{}] cannot open '{}': {}",
               component_, path_, std::strerror(errno));
  CONVOY_CHECK(S_ISREG(info.st_mode), "[{}] '{}' is not a file", component_, path_);
  bytes_ = info.st_size;
}

void InputFile::Read(void* to, int64_t offset, int64_t bytes) const {
  for (int64_t done = 0; done < bytes;) {
    const size_t wanted = static_cast<size_t>(std::min(bytes - done, kMostAtOnce));
    const ssize_t got = pread(file_.get(), static_cast<char*>(to) + done, wanted, offset + done);
    if (got < 0 && errno == EINTR) continue;
    CONVOY_CHECK(got >= 0, "[{}] cannot read '{}': {}", component_, path_, std::strerror(errno));
    CONVOY_CHECK(got > 0, "[{}] '{}' became shorter while it was read: expected {} bytes, found {}",
                 component_, path_, bytes_, offset + done);
    done += got;
  }
}

AtomicFile::AtomicFile(const char* component, const std::string& path)
    : component_(component),
      path_(path),
      temporary_(TemporaryName(path)),
      file_(open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
  CONVOY_CHECK(file_.get() >= 0, "[{}] cannot write '{}': {}", component_, path_,
               std::strerror(errno));
}

AtomicFile::~AtomicFile() {
  if (!committed_) unlink(temporary_.c_str());
}

void AtomicFile::FailWith(const char* what) const {
  Fail("[{}] cannot {} '{}': {} (after {} bytes); nothing was changed there", component_, what,
       path_, std::strerror(errno), written_);
}

void AtomicFile::Write(const void* from, size_t bytes) {
  const char* data = static_cast<const char*>(from);
  while (bytes > 0) {
    const ssize_t got = write(file_.get(), data, std::min(bytes, static_cast<size_t>(kMostAtOnce)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) FailWith("write");
    data += got;
    bytes -= static_cast<size_t>(got);
    written_ += got;
  }
}

void AtomicFile::Commit() {
  if (fsync(file_.get()) != 0) FailWith("sync");
  if (close(file_.Release()) != 0) FailWith("write");
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) FailWith("replace");
  committed_ = true;
  // The new name is on disk only when the folder is.
  const std::filesystem::path parent = std::filesystem::path(path_).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  const FileHandle handle(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  CONVOY_CHECK(handle.get() >= 0 && fsync(handle.get()) == 0,
               "[{}] '{}' is written, but its folder cannot be synced: {}", component_, path_,
               std::strerror(errno));
}

void WriteTextFile(const char* component, const std::string& path, std::string_view text) {
  struct stat info {};
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    std::ofstream file(path, std::ios::binary);
    file << text << std::flush;
    CONVOY_CHECK(file, "[{}] cannot write '{}': {}", component, path, std::strerror(errno));
    return;
  }
  AtomicFile file(component, path);
  file.Write(text.data(), text.size());
  file.Commit();
}

}  // namespace convoy
