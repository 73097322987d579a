// A JSON array that several processes add to, whole at every moment.
//
// The file is `[`, events, much space, `]`. New events are written over the space. SIGKILL can end
// a write() early, but the kernel looks for it between two pages and never within one, so text that
// lies in one page is written wholly or not at all. Hence an event that would cross the border of a
// page begins behind it, and what is before the border stays space, which JSON allows between any
// two events.
//
// The bracket cannot be moved that way: between its place in one page and its place in another, the
// file would have two of them, or none. When the space is used up, the file is therefore copied to
// a new one with new space, which takes over the name in one step. Each copy adds half of the size,
// so that all copies together cost a small multiple of what is written. Other objects see in their
// turn that their file has lost its name, and open the new one.
#include "parallel/profile/timeline_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>

#include "core/base/error.h"
#include "core/base/output_file.h"
#include "core/base/print.h"

namespace convoy {
namespace {

constexpr off_t kPage = 4096;  // the smallest that there is; larger ones are multiples of it
constexpr off_t kMinSpace = 16 * kPage;
constexpr size_t kCopyBytes = 1 << 20;
constexpr std::string_view kEnd = "\n]\n";
constexpr std::string_view kHeadStart = "[\n{\"ph\":\"M\",\"name\":\"convoy_timeline\"";

// Places of locks, which no file reaches. Every object of a run holds kRun, shared, as long as it
// lives. A process that reads the file and changes it holds kTurn.
constexpr off_t kRun = off_t{1} << 62, kTurn = kRun + 1;

// The first event, by which a run knows its own file.
std::string Head(const std::string& id) {
  return fmt::format(
      "[\n{{\"ph\":\"M\",\"name\":\"convoy_timeline\",\"pid\":0,\"args\":{{\"id\":\"{}\"}}}}", id);
}

std::string ReadAt(int file, off_t at, size_t bytes) {
  std::string found(bytes, '\0');
  size_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        pread(file, found.data() + done, bytes - done, at + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  found.resize(done);
  return found;
}

off_t PageAfter(off_t at) { return (at / kPage + 1) * kPage; }

}  // namespace

// The time in which one object alone looks at the file and changes it.
class TimelineFile::Turn {
 public:
  // The object may replace its file meanwhile; this handle keeps the one that is locked.
  explicit Turn(int file) : file_(fcntl(file, F_DUPFD_CLOEXEC, 0)) {
    LockFile(file_.get(), FileLock::kExclusive, kTurn, 1, /*wait=*/true);
  }
  ~Turn() { LockFile(file_.get(), FileLock::kNone, kTurn, 1, /*wait=*/false); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  const Descriptor file_;
};

TimelineFile::TimelineFile(const std::string& path, const std::string& id)
    : given_(path), head_(Head(id)) {
  const OutputPlace place = FindOutput("timeline", path);
  CONVOY_CHECK(!place.is_stream,
               "[timeline] '{}' is no regular file, which a timeline has to be; give the name of a "
               "file",
               path);
  path_ = place.path;
  const int error = Start();
  CONVOY_CHECK(error == 0, "[timeline] cannot write '{}': {}", given_, std::strerror(error));
}

int TimelineFile::Open() {
  file_.reset();
  const int file = open(path_.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return errno;
  file_.emplace(file);
  return 0;
}

bool TimelineFile::IsReplaced() const {
  struct stat mine {
  }, named{};
  return fstat(file_->get(), &mine) != 0 || stat(path_.c_str(), &named) != 0 ||
         named.st_ino != mine.st_ino || named.st_dev != mine.st_dev;
}

int TimelineFile::Start() {
  while (true) {
    if (const int error = Open(); error == ENOENT) {
      const int made = Renew(/*keep=*/false, {});
      if (made == EEXIST) continue;  // another worker was quicker
      return made;
    } else if (error != 0) {
      return error;
    }
    const Turn turn(file_->get());
    if (IsReplaced()) continue;
    const std::string found = ReadAt(file_->get(), 0, head_.size());
    if (found == head_) return TakePart();
    CONVOY_CHECK(found.empty() || found.starts_with(kHeadStart),
                 "[timeline] '{}' is there and is not a timeline: it is left alone; give the name "
                 "of another file, or remove it",
                 given_);
    CONVOY_CHECK(LockFile(file_->get(), FileLock::kExclusive, kRun, 1, /*wait=*/false),
                 "[timeline] another run is writing to '{}'; give the name of another file, or "
                 "wait until that run has ended",
                 given_);
    return Renew(/*keep=*/false, {});
  }
}

// Of a file that is this run's.
int TimelineFile::TakePart() {
  struct stat info {};
  if (fstat(file_->get(), &info) != 0) return errno;
  LockFile(file_->get(), FileLock::kShared, kRun, 1, /*wait=*/false);
  limit_ = info.st_size - static_cast<off_t>(kEnd.size());
  end_ = static_cast<off_t>(head_.size());
  return 0;
}

int TimelineFile::Renew(bool keep, std::string_view events) {
  const OutputPlace place = FindOutput("timeline", path_);
  const bool replace = file_.has_value();
  std::string name;
  Descriptor draft = MakeDraft(place, name);
  int64_t written = 0;
  int error = draft.get() < 0 ? errno : 0;
  const auto write = [&](std::string_view text) {
    if (error == 0) error = WriteFully(draft.get(), text.data(), text.size(), -1, written);
  };
  if (keep) {
    for (off_t at = 0; at < end_ && error == 0; at += static_cast<off_t>(kCopyBytes)) {
      const off_t bytes = std::min(end_ - at, static_cast<off_t>(kCopyBytes));
      const std::string text = ReadAt(file_->get(), at, static_cast<size_t>(bytes));
      if (static_cast<off_t>(text.size()) != bytes) error = EIO;
      write(text);
    }
  } else {
    write(head_);
  }
  write(events);
  const off_t end = written;
  const off_t size = PageAfter(end + std::max(kMinSpace, end / 2));
  const off_t limit = size - static_cast<off_t>(kEnd.size());
  const std::string space(kCopyBytes, ' ');
  while (written < limit && error == 0) {
    write(std::string_view(space).substr(0, static_cast<size_t>(limit - written)));
  }
  write(kEnd);
  if (error == 0) {
    LockFile(draft.get(), FileLock::kShared, kRun, 1, /*wait=*/false);
    if (!PublishDraft(draft.get(), name, place, replace)) error = errno;
  }
  if (error != 0) {
    if (!name.empty()) unlink(name.c_str());
    return error;
  }
  file_.emplace(draft.Release());
  end_ = end;
  limit_ = limit;
  return 0;
}

// No page before the end is all space, because an event begins at the next border at the latest.
void TimelineFile::FindEnd() {
  for (off_t at = end_; at < limit_;) {
    const off_t next = std::min(PageAfter(at), limit_);
    const std::string text = ReadAt(file_->get(), at, static_cast<size_t>(next - at));
    const size_t last = text.find_last_not_of(' ');
    if (last != std::string::npos) {
      end_ = at + static_cast<off_t>(last) + 1;
    } else if (at % kPage == 0) {
      return;
    }
    at = next;
  }
}

int TimelineFile::WritePiece(std::string_view piece, off_t at) {
  int64_t written = 0;
  const int error = WriteFully(file_->get(), piece.data(), piece.size(), at, written);
  if (error == 0) {
    end_ = at + static_cast<off_t>(piece.size());
  } else {  // of a piece that was begun, nothing stays
    const std::string space(static_cast<size_t>(written), ' ');
    WriteFully(file_->get(), space.data(), space.size(), at, written);
  }
  return error;
}

int TimelineFile::AppendInTurn(std::string_view events) {
  FindEnd();
  // Of the first event.
  const auto length = [](std::string_view text) {
    return static_cast<off_t>(std::min(text.find(",\n", 1), text.size()));
  };
  while (!events.empty()) {
    off_t bytes = length(events);
    const off_t at = end_ + bytes <= PageAfter(end_) ? end_ : PageAfter(end_);
    const off_t room = std::min(PageAfter(at), limit_) - at;
    if (bytes > room) return Renew(/*keep=*/true, events);
    while (bytes < static_cast<off_t>(events.size())) {
      const off_t more = length(events.substr(static_cast<size_t>(bytes)));
      if (bytes + more > room) break;
      bytes += more;
    }
    const size_t piece = static_cast<size_t>(bytes);
    if (const int error = WritePiece(events.substr(0, piece), at); error != 0) return error;
    events.remove_prefix(piece);
  }
  return 0;
}

void TimelineFile::TryAppend(std::string_view events) {
  int error = 0;
  while (true) {
    const Turn turn(file_->get());
    if (!IsReplaced()) {
      error = AppendInTurn(events);
      break;
    }
    if (error = Open(); error != 0) break;
    const Turn next(file_->get());
    CONVOY_CHECK(ReadAt(file_->get(), 0, head_.size()) == head_, "another run has taken it over");
    if (error = TakePart(); error != 0) break;
  }
  CONVOY_CHECK(error == 0, "{}", std::strerror(error));
}

void TimelineFile::Append(std::string_view events) noexcept {
  if (broken_) return;
  try {
    TryAppend(events);
  } catch (const std::exception& problem) {
    broken_ = true;
    Warn("[timeline] cannot write '{}': {}; it ends here", given_, problem.what());
  }
}

}  // namespace convoy
