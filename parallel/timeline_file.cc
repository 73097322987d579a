// A JSON array that several processes add to, whole after every addition.
#include "parallel/timeline_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "core/error.h"

namespace convoy {
namespace {

constexpr std::string_view kEnd = "\n]\n";  // what the file ends with, and events overwrite

// The first event, by which a run knows its own file.
std::string Head(const std::string& id) {
  return fmt::format(
      "[\n{{\"ph\":\"M\",\"name\":\"convoy_timeline\",\"pid\":0,\"args\":{{\"id\":\"{}\"}}}}", id);
}
constexpr std::string_view kHeadStart = "[\n{\"ph\":\"M\",\"name\":\"convoy_timeline\"";

std::string ReadStart(int file, size_t bytes) {
  std::string found(bytes, '\0');
  const ssize_t size = pread(file, found.data(), found.size(), 0);
  found.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
  return found;
}

}  // namespace

// Of the file, between processes and threads: each has opened it for itself.
class TimelineFile::Lock {
 public:
  explicit Lock(int file) : file_(file) {
    while (flock(file_, LOCK_EX) != 0 && errno == EINTR) {
    }
  }
  ~Lock() { flock(file_, LOCK_UN); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  const int file_;
};

TimelineFile::TimelineFile(const std::string& path, const std::string& id)
    : path_(path), head_(Head(id)), file_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  CONVOY_CHECK(file_ >= 0, "[timeline] cannot write '{}': {}", path_, std::strerror(errno));
  try {
    Start();
  } catch (...) {
    close(file_);
    throw;
  }
}

TimelineFile::~TimelineFile() { close(file_); }

void TimelineFile::Start() {
  const Lock lock(file_);
  const std::string found = ReadStart(file_, head_.size());
  if (found == head_) return;
  CONVOY_CHECK(found.empty() || found.starts_with(kHeadStart),
               "[timeline] '{}' is there and is not a timeline: it is left alone; give the name of "
               "another file, or remove it",
               path_);
  const std::string all = head_ + std::string(kEnd);
  CONVOY_CHECK(ftruncate(file_, 0) == 0 &&
                   pwrite(file_, all.data(), all.size(), 0) == static_cast<ssize_t>(all.size()),
               "[timeline] cannot write '{}': {}", path_, std::strerror(errno));
}

std::string TimelineFile::TryAppend(const std::string& events) {
  const Lock lock(file_);
  struct stat status {};
  if (fstat(file_, &status) != 0) return std::strerror(errno);
  const off_t at = status.st_size - static_cast<off_t>(kEnd.size());
  if (at <= 0 || ReadStart(file_, head_.size()) != head_) return "another run writes to it";
  const std::string text = events + std::string(kEnd);
  // One call: who is killed has done all of it or, hardly ever, some pages, which is still a file
  // that Perfetto opens.
  const ssize_t written = pwrite(file_, text.data(), text.size(), at);
  if (written == static_cast<ssize_t>(text.size())) return {};
  const int error = written < 0 ? errno : ENOSPC;
  // What was there still has its place.
  const bool restored =
      pwrite(file_, kEnd.data(), kEnd.size(), at) > 0 && ftruncate(file_, status.st_size) == 0;
  return fmt::format("{}{}", std::strerror(error), restored ? "" : ", nor restored");
}

void TimelineFile::Append(const std::string& events) noexcept {
  if (broken_) return;
  const std::string error = TryAppend(events);
  if (error.empty()) return;
  broken_ = true;
  std::fprintf(stderr, "warning: [timeline] cannot write '%s': %s; it ends here\n", path_.c_str(),
               error.c_str());
}

}  // namespace convoy
