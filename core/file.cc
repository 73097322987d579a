// Files read at any place, and files replaced in one step.
#include "core/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/output_file.h"

namespace convoy {
namespace {

constexpr int64_t kMostAtOnce = int64_t{1} << 30;  // Linux moves less than 2 GiB in one call

}  // namespace

FileHandle::~FileHandle() {
  if (descriptor_ >= 0) close(descriptor_);
}

int FileHandle::Release() { return std::exchange(descriptor_, -1); }

InputFile::InputFile(const char* component, const std::string& path)
    : component_(component),
      path_(path),
      file_(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {  // no wait for a pipe's writer
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
      place_(std::make_unique<OutputPlace>(FindOutput(component, path))),
      file_(place_->is_stream ? OpenOutput(component, *place_) : MakeDraft(*place_, draft_)) {
  CONVOY_CHECK(file_.get() >= 0, "[{}] cannot write '{}': {}", component_, path_,
               std::strerror(errno));
}

AtomicFile::~AtomicFile() {
  if (!draft_.empty()) unlink(draft_.c_str());
}

void AtomicFile::FailWith(const char* what, int error) const {
  Fail("[{}] cannot {} '{}': {} (after {} bytes){}{}", component_, what, path_,
       std::strerror(error), written_,
       error == EFBIG ? "; the limit to the size of files (ulimit -f) is in the way" : "",
       place_->is_stream ? "" : "; nothing was changed there");
}

void AtomicFile::Write(const void* from, size_t bytes) {
  if (const int error = WriteFully(file_.get(), from, bytes, -1, written_); error != 0) {
    FailWith("write", error);
  }
}

void AtomicFile::Commit() {
  if (place_->is_stream) return;
  if (fsync(file_.get()) != 0) FailWith("sync", errno);
  if (!PublishDraft(file_.get(), draft_, *place_)) FailWith("replace", errno);
  // The new name is on disk only when the folder is. Some file systems cannot sync a folder, and
  // some folders may be written to but not opened.
  const FileHandle folder(open(place_->folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const bool synced = folder.get() < 0 || fsync(folder.get()) == 0 || errno != EIO;
  CONVOY_CHECK(synced, "[{}] '{}' is written, but its folder cannot be synced: {}", component_,
               path_, std::strerror(errno));
}

void WriteTextFile(const char* component, const std::string& path, std::string_view text) {
  AtomicFile file(component, path);
  file.Write(text.data(), text.size());
  file.Commit();
}

}  // namespace convoy
