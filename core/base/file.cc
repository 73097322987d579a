// Files read at any place, and files replaced in one step.
#include "core/base/file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/base/error.h"
#include "core/base/output_file.h"

namespace convoy {
namespace {

constexpr int64_t kMostAtOnce = int64_t{1} << 30;  // Linux moves less than 2 GiB in one call

void CheckInputKind(const char* component, const std::string& path, mode_t mode, bool pipes) {
  if (S_ISREG(mode) || (pipes && S_ISFIFO(mode))) return;
  CONVOY_CHECK(!S_ISDIR(mode), "[{}] '{}' is a folder, and a file is expected", component, path);
  CONVOY_CHECK(!S_ISFIFO(mode),
               "[{}] '{}' is a pipe, and a file is expected: every worker reads it, at any place, "
               "and a pipe gives its bytes once; write them to a file first (zcat FILE.gz > FILE)",
               component, path);
  Fail("[{}] '{}' is a {}, and a file is expected", component, path,
       S_ISSOCK(mode) ? "socket" : "device");
}

Descriptor OpenInput(const char* component, const std::string& path, bool pipes) {
  // To open some devices has effects, hence the look before. O_NONBLOCK: no wait for the writer of
  // a pipe that has come meanwhile.
  struct stat info;
  if (stat(path.c_str(), &info) == 0) CheckInputKind(component, path, info.st_mode, pipes);
  Descriptor file(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  CONVOY_CHECK(file.get() >= 0 && fstat(file.get(), &info) == 0, "[{}] cannot open '{}': {}",
               component, path, std::strerror(errno));
  CheckInputKind(component, path, info.st_mode, pipes);
  return file;
}

}  // namespace

InputFile::InputFile(const char* component, const std::string& path)
    : component_(component), path_(path), file_(OpenInput(component, path, /*pipes=*/false)) {
  struct stat info;
  CONVOY_CHECK(fstat(file_.get(), &info) == 0, "[{}] cannot read '{}': {}", component_, path_,
               std::strerror(errno));
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

std::string ReadWholeFile(const char* component, const std::string& path, int64_t most_bytes,
                          bool pipes) {
  constexpr size_t kPiece = 1 << 16;
  const Descriptor file = OpenInput(component, path, pipes);
  struct stat info;
  CONVOY_CHECK(fstat(file.get(), &info) == 0, "[{}] cannot read '{}': {}", component, path,
               std::strerror(errno));
  std::string text;
  // One copy and no more: the size is known, unless this is a pipe or a file of /proc.
  text.reserve(static_cast<size_t>(std::clamp<int64_t>(info.st_size, 0, most_bytes)) + 2 * kPiece);
  while (true) {
    const size_t before = text.size();
    text.resize(before + kPiece);
    const ssize_t got = read(file.get(), text.data() + before, kPiece);
    const int error = errno;
    text.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) break;
    if (got < 0 && error == EAGAIN) {
      pollfd readable{file.get(), POLLIN, 0};
      poll(&readable, 1, -1);
      continue;
    }
    if (got < 0 && error == EINTR) continue;
    CONVOY_CHECK(got > 0, "[{}] cannot read '{}': {}", component, path, std::strerror(error));
    CONVOY_CHECK(static_cast<int64_t>(text.size()) <= most_bytes,
                 "[{}] '{}' has more than {} bytes; this is no file of the kind that is expected",
                 component, path, most_bytes);
  }
  CONVOY_CHECK(!S_ISFIFO(info.st_mode) || !text.empty(),
               "[{}] '{}' is a pipe that gives nothing: nobody writes to it", component, path);
  return text;
}

std::string ReadKernelFile(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char piece[4096];
  for (ssize_t got = 0; file && (got = read(file.get(), piece, sizeof(piece))) != 0;) {
    if (got > 0) {
      text.append(piece, static_cast<size_t>(got));
    } else if (errno != EINTR) {
      return {};  // such as ESRCH: the process has ended since its file was opened
    }
  }
  return text;
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
  const Descriptor folder(open(place_->folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
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
