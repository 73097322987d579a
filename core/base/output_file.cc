// Where a program's output goes: the file that a path stands for, and how it is written.
#include "core/base/output_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string_view>

#include "core/base/error.h"

namespace convoy {
namespace {

constexpr int kMostLinks = 40;                   // as many as Linux follows
constexpr size_t kMostAtOnce = size_t{1} << 30;  // Linux moves less than 2 GiB in one call

// The descriptor of this process that a path names, link by link: /dev/stdout leads to
// /proc/self/fd/1, which would lead to the file behind it, and that must not be replaced.
std::optional<int> DescriptorNamed(std::string_view path) {
  const std::string own = fmt::format("/proc/{}/fd/", getpid());
  for (const std::string_view prefix :
       {std::string_view("/dev/fd/"), std::string_view("/proc/self/fd/"),
        std::string_view("/proc/thread-self/fd/"), std::string_view(own)}) {
    if (!path.starts_with(prefix)) continue;
    const std::string_view number = path.substr(prefix.size());
    int descriptor = -1;
    const auto [rest, error] =
        std::from_chars(number.data(), number.data() + number.size(), descriptor);
    if (error == std::errc() && rest == number.data() + number.size() && descriptor >= 0) {
      return descriptor;
    }
  }
  return {};
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

const char* KindOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFIFO:
      return "a named pipe";
    case S_IFSOCK:
      return "a socket";
    case S_IFCHR:
    case S_IFBLK:
      return "a device";
    default:
      return "no file";
  }
}

// In a folder where everybody may write, others can lay a file or a link where this user's output
// is expected. What the kernel refuses there (fs.protected_symlinks) it cannot see, since links are
// followed here.
bool IsLaidByOthers(const std::string& path, const struct stat& info) {
  struct stat folder {};
  if (info.st_uid == geteuid() || stat(FolderOf(path).c_str(), &folder) != 0) return false;
  constexpr mode_t kShared = S_ISVTX | S_IWOTH;
  return (folder.st_mode & kShared) == kShared && info.st_uid != folder.st_uid;
}

// Terminals and /dev/null, by Linux's numbers: opening an unknown device may have effects.
bool TakesText(const struct stat& info) {
  if (!S_ISCHR(info.st_mode)) return false;
  const unsigned kind = major(info.st_rdev);
  const bool terminal = kind == 4 || kind == 5 || (kind >= 136 && kind <= 143);
  return terminal || info.st_rdev == makedev(1, 3);
}

// A container's single file, mounted from outside: it can be written to, but not replaced.
bool IsMountPoint(const std::string& path) {
  struct statx info {};
  return statx(AT_FDCWD, path.c_str(), AT_NO_AUTOMOUNT, STATX_TYPE, &info) == 0 &&
         (info.stx_attributes & info.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0;
}

// While one is alive, writing too much or to nobody is an error of write() alone. Both signals go
// to the thread that writes.
class WithoutWriteSignals {
 public:
  WithoutWriteSignals() {
    sigemptyset(&held_);
    sigaddset(&held_, SIGXFSZ);
    sigaddset(&held_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &held_, &before_);
  }
  ~WithoutWriteSignals() {
    const int error = errno;
    const timespec now{};
    for (const int signal : {SIGXFSZ, SIGPIPE}) {
      if (sigismember(&before_, signal) == 1) continue;  // its owner looks for it
      sigset_t one;
      sigemptyset(&one);
      sigaddset(&one, signal);
      sigtimedwait(&one, nullptr, &now);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }
  WithoutWriteSignals(const WithoutWriteSignals&) = delete;
  WithoutWriteSignals& operator=(const WithoutWriteSignals&) = delete;

 private:
  sigset_t held_, before_;
};

std::string DraftName(const OutputPlace& place) {
  uint64_t random = 0;
  if (getrandom(&random, sizeof(random), 0) != sizeof(random))
    random = static_cast<uint64_t>(getpid());
  const std::string base = place.path.substr(place.path.rfind('/') + 1);
  constexpr size_t kSuffix = sizeof(".tmp-0123456789abcdef") - 1;
  return fmt::format("{}/{}.tmp-{:016x}", place.folder, base.substr(0, NAME_MAX - kSuffix), random);
}

std::string ProcPath(int file) { return fmt::format("/proc/self/fd/{}", file); }

void KeepModeAndOwner(int draft, const OutputPlace& place) {
  if (!place.exists) return;
  struct stat info {};
  if (fstat(draft, &info) != 0) return;
  // Each for itself: a user may often give a file to one of its groups, but not to another user.
  // What is not allowed stays as it is for any new file.
  if (info.st_gid != place.gid && fchown(draft, static_cast<uid_t>(-1), place.gid) != 0) errno = 0;
  if (info.st_uid != place.uid && fchown(draft, place.uid, static_cast<gid_t>(-1)) != 0) errno = 0;
  if (fchmod(draft, place.mode) != 0) errno = 0;  // a file system without modes
}

}  // namespace

OutputPlace FindOutput(const char* component, const std::string& path) {
  OutputPlace place;
  place.path = path;
  struct stat info {};
  bool found = false;
  for (int links = 0;; ++links) {
    if (const std::optional<int> descriptor = DescriptorNamed(place.path)) {
      const int flags = fcntl(*descriptor, F_GETFL);
      CONVOY_CHECK(flags >= 0 && (flags & O_ACCMODE) != O_RDONLY,
                   "[{}] cannot write '{}': descriptor {} of this process is not open for writing",
                   component, path, *descriptor);
      place.is_stream = true;
      place.descriptor = *descriptor;
      return place;
    }
    found = lstat(place.path.c_str(), &info) == 0;
    const int error = errno;
    CONVOY_CHECK(!found || !IsLaidByOthers(place.path, info),
                 "[{}] '{}' belongs to another user, in a folder where everybody may write: it is "
                 "left alone; name a file in a folder of your own",
                 component, place.path);
    errno = error;  // lstat's
    if (!found || !S_ISLNK(info.st_mode)) break;
    CONVOY_CHECK(links < kMostLinks, "[{}] cannot write '{}': {}", component, path,
                 std::strerror(ELOOP));
    std::string target(PATH_MAX, '\0');
    const ssize_t size = readlink(place.path.c_str(), target.data(), target.size());
    CONVOY_CHECK(size > 0, "[{}] cannot write '{}': {}", component, path, std::strerror(errno));
    target.resize(static_cast<size_t>(size));
    place.path = target.front() == '/' ? target : FolderOf(place.path) + "/" + target;
  }
  const int error = errno;
  place.folder = FolderOf(place.path);
  const std::string shown =
      place.path == path ? fmt::format("'{}'", path) : fmt::format("'{}' ('{}')", path, place.path);
  CONVOY_CHECK(!place.path.empty(), "[{}] expected the name of a file, got an empty one",
               component);
  CONVOY_CHECK(place.path.back() != '/' && !(found && S_ISDIR(info.st_mode)),
               "[{}] {} is a folder; give the name of a file", component, shown);
  if (found && !S_ISREG(info.st_mode)) {
    CONVOY_CHECK(TakesText(info),
                 "[{}] {} is {}, which would be lost if a file took its place: it is left alone; "
                 "give the name of a file, or /dev/stdout",
                 component, shown, KindOf(info.st_mode));
    place.is_stream = true;
    return place;
  }
  struct stat folder {};
  if (!found) {
    CONVOY_CHECK(stat(place.folder.c_str(), &folder) == 0 && S_ISDIR(folder.st_mode),
                 "[{}] cannot write {}: there is no folder '{}'", component, shown, place.folder);
    CONVOY_CHECK(error == ENOENT, "[{}] cannot write {}: {}", component, shown,
                 std::strerror(error));
  }
  CONVOY_CHECK(access(place.folder.c_str(), W_OK | X_OK) == 0, "[{}] cannot write {}: {}: {}",
               component, shown, place.folder, std::strerror(errno));
  if (!found) return place;
  CONVOY_CHECK(access(place.path.c_str(), W_OK) == 0, "[{}] cannot write {}: {}", component, shown,
               std::strerror(errno));
  CONVOY_CHECK(!IsMountPoint(place.path),
               "[{}] {} is mounted from elsewhere, and so cannot be replaced; mount its folder "
               "instead, or give the name of another file",
               component, shown);
  place.exists = true;
  place.mode = info.st_mode & 07777;
  place.uid = info.st_uid;
  place.gid = info.st_gid;
  place.device = info.st_dev;
  place.inode = info.st_ino;
  return place;
}

void CheckOutput(const char* component, const std::string& path) {
  const OutputPlace place = FindOutput(component, path);
  if (place.is_stream) return;
  std::string name;
  const Descriptor draft = MakeDraft(place, name);
  const int error = errno;
  if (draft.get() >= 0 && !name.empty()) unlink(name.c_str());
  CONVOY_CHECK(draft.get() >= 0, "[{}] cannot write '{}': {}: {}", component, path, place.folder,
               std::strerror(error));
  const std::string base = place.path.substr(place.path.rfind('/') + 1);
  CONVOY_CHECK(base.size() <= NAME_MAX, "[{}] cannot write '{}': {}", component, path,
               std::strerror(ENAMETOOLONG));
}

bool IsSamePlace(const OutputPlace& a, const OutputPlace& b) {
  if (a.is_stream || b.is_stream) return false;
  if (a.exists && b.exists) return a.device == b.device && a.inode == b.inode;
  if (a.exists || b.exists) return false;
  struct stat folder_a {
  }, folder_b{};
  return stat(a.folder.c_str(), &folder_a) == 0 && stat(b.folder.c_str(), &folder_b) == 0 &&
         folder_a.st_dev == folder_b.st_dev && folder_a.st_ino == folder_b.st_ino &&
         a.path.substr(a.path.rfind('/') + 1) == b.path.substr(b.path.rfind('/') + 1);
}

Descriptor OpenOutput(const char* component, const OutputPlace& place) {
  if (place.descriptor >= 0) {
    std::fflush(stdout);  // what the program has printed comes first
    Descriptor copy(fcntl(place.descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    CONVOY_CHECK(copy.get() >= 0, "[{}] cannot write descriptor {}: {}", component,
                 place.descriptor, std::strerror(errno));
    return copy;
  }
  const int how = place.is_stream ? O_WRONLY | O_NOCTTY : O_RDWR | O_CREAT | O_NOFOLLOW;
  Descriptor file(open(place.path.c_str(), how | O_CLOEXEC | O_NONBLOCK, 0666));
  struct stat info {};
  CONVOY_CHECK(file.get() >= 0 && fstat(file.get(), &info) == 0, "[{}] cannot write '{}': {}",
               component, place.path, std::strerror(errno));
  // It may have become something else meanwhile.
  CONVOY_CHECK(place.is_stream ? TakesText(info) : S_ISREG(info.st_mode),
               "[{}] '{}' is no longer what it was; nothing was written", component, place.path);
  fcntl(file.get(), F_SETFL, fcntl(file.get(), F_GETFL) & ~O_NONBLOCK);
  return file;
}

Descriptor MakeDraft(const OutputPlace& place, std::string& name, mode_t mode) {
  name.clear();
  Descriptor unnamed(open(place.folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, mode));
  // It gets its name through /proc, which a container may lack.
  if (unnamed.get() >= 0 && access(ProcPath(unnamed.get()).c_str(), F_OK) == 0) return unnamed;
  for (int tries = 0;; ++tries) {
    name = DraftName(place);
    Descriptor named(open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (named.get() >= 0 || errno != EEXIST || tries == 100) return named;
  }
}

bool PublishDraft(int draft, std::string& name, const OutputPlace& place, bool replace) {
  KeepModeAndOwner(draft, place);
  // A link can make a name but not replace one, hence the second step.
  for (int tries = 0; name.empty(); ++tries) {
    const std::string next = replace ? DraftName(place) : place.path;
    if (linkat(AT_FDCWD, ProcPath(draft).c_str(), AT_FDCWD, next.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      if (!replace) return true;
      name = next;
    } else if (errno != EEXIST || !replace || tries == 100) {
      return false;
    }
  }
  if (!replace) {
    if (link(name.c_str(), place.path.c_str()) != 0) return false;
    unlink(name.c_str());
  } else if (std::rename(name.c_str(), place.path.c_str()) != 0) {
    return false;
  }
  name.clear();
  return true;
}

void ReportFileSizeLimit() { signal(SIGXFSZ, SIG_IGN); }

int WriteFully(int file, const void* from, size_t bytes, off_t at, int64_t& written) {
  const WithoutWriteSignals without_signals;
  const char* data = static_cast<const char*>(from);
  while (bytes > 0) {
    const size_t wanted = std::min(bytes, kMostAtOnce);
    const ssize_t got = at < 0 ? write(file, data, wanted) : pwrite(file, data, wanted, at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno;
    if (got == 0) return ENOSPC;
    data += got;
    bytes -= static_cast<size_t>(got);
    written += got;
    if (at >= 0) at += got;
  }
  return 0;
}

bool LockFile(int file, FileLock how, off_t at, off_t bytes, bool wait) {
  struct flock lock {};
  lock.l_type = how == FileLock::kNone ? F_UNLCK : how == FileLock::kShared ? F_RDLCK : F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = at;
  lock.l_len = bytes;
  while (fcntl(file, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock) != 0) {
    if (errno == EINTR) continue;
    return errno != EAGAIN && errno != EACCES;
  }
  return true;
}

}  // namespace convoy
