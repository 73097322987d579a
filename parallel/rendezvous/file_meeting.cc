// How processes that share a file system find worker 0: a file that only their user can read.
#include "parallel/rendezvous/file_meeting.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstdlib>

#include "core/base/error.h"
#include "core/base/output_file.h"
#include "parallel/net/socket.h"

namespace convoy::rendezvous {
namespace {

constexpr std::string_view kFirstLine = "convoy meeting 1\n";
constexpr size_t kMaxBytes = 8192;

// The rest of a line that starts with `name` and a space; `text` goes behind it.
std::optional<std::string_view> TakeLine(std::string_view& text, std::string_view name) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return {};
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  if (!line.starts_with(name) || line.size() < name.size() + 2 || line[name.size()] != ' ') {
    return {};
  }
  line.remove_prefix(name.size() + 1);
  return line;
}

bool Is(const char* path, dev_t device, ino_t inode) {
  struct stat info {};
  return stat(path, &info) == 0 && info.st_dev == device && info.st_ino == inode;
}

// The file of one MeetingFile, for a signal handler: never freed.
struct Held {
  std::atomic<bool> taken{false}, ready{false};
  char path[PATH_MAX] = {};
  dev_t device = 0;
  ino_t inode = 0;
};
Held held;
constexpr std::array kEndingSignals = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

// Calls only what a signal handler may.
void RemoveAndEnd(int signal) {
  if (held.ready && Is(held.path, held.device, held.inode)) unlink(held.path);
  ::signal(signal, SIG_DFL);
  raise(signal);  // once this returns
}

}  // namespace

MeetingFile::MeetingFile(const std::string& path, const net::ServerAddress& server) : path_(path) {
  const std::string text = fmt::format("{}host {}\nport {}\nsecret {}\n", kFirstLine, server.host,
                                       server.port, server.secret);
  // Of a job before, it is a file; anything else would be lost. Links are not followed: readers
  // refuse them, because the file holds the secret.
  struct stat info {};
  CONVOY_CHECK(lstat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode),
               "[Meet] '{}' is there and is no regular file: it is left alone; name another file",
               path);
  // Readers see the whole file or none. Its draft has no name, or one that nobody can guess.
  const size_t slash = path.rfind('/');
  const OutputPlace place{
      .path = path,
      .folder = slash == std::string::npos ? "." : path.substr(0, std::max<size_t>(slash, 1))};
  std::string draft;
  const Descriptor file = MakeDraft(place, draft, 0600);
  int64_t bytes = 0;
  int error = file.get() < 0 || fstat(file.get(), &info) != 0 ? errno : 0;
  if (error == 0) error = WriteFully(file.get(), text.data(), text.size(), -1, bytes);
  if (error == 0) {
    // Before it is there: what the path names until then is another file, which stays.
    device_ = info.st_dev;
    inode_ = info.st_ino;
    HoldForSignals();
    if (!PublishDraft(file.get(), draft, place)) error = errno;
  }
  if (error != 0) {
    LetGo();
    if (!draft.empty()) unlink(draft.c_str());
    Fail("[Meet] cannot write '{}': {}", path, net::ErrnoText(error));
  }
}

MeetingFile::~MeetingFile() {
  LetGo();
  if (Is(path_.c_str(), device_, inode_)) unlink(path_.c_str());
}

// A signal that ends this process, as it does unless the program catches it, leaves no secret.
void MeetingFile::HoldForSignals() {
  if (path_.size() >= sizeof(held.path) || held.taken.exchange(true)) return;
  holds_ = true;
  path_.copy(held.path, path_.size());
  held.path[path_.size()] = '\0';
  held.device = device_;
  held.inode = inode_;
  held.ready = true;
  for (const int signal : kEndingSignals) {
    struct sigaction action = {};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler != SIG_DFL) continue;
    action.sa_handler = RemoveAndEnd;
    sigaction(signal, &action, nullptr);
  }
}

void MeetingFile::LetGo() {
  if (!holds_) return;
  for (const int signal : kEndingSignals) {
    struct sigaction action = {};
    sigaction(signal, nullptr, &action);
    if (action.sa_handler == RemoveAndEnd) ::signal(signal, SIG_DFL);
  }
  held.ready = held.taken = false;
  holds_ = false;
}

std::optional<net::ServerAddress> ReadMeetingFile(const std::string& path, std::string& why) {
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!fd || fstat(fd.get(), &info) != 0) {
    why = net::ErrnoText(errno);
    return {};
  }
  CONVOY_CHECK(S_ISREG(info.st_mode) && info.st_uid == geteuid() && (info.st_mode & 077) == 0,
               "[Meet] expected '{}' to be a file of user {} with mode 600, got one of user {} "
               "with mode {:o}; remove it, or name another",
               path, geteuid(), info.st_uid, info.st_mode & 07777);
  std::string text(kMaxBytes, '\0');
  const ssize_t got = read(fd.get(), text.data(), text.size());
  text.resize(got > 0 ? static_cast<size_t>(got) : 0);
  auto server = ParseMeetingFile(text);
  if (!server) why = "it is not a file that worker 0 writes";
  return server;
}

std::optional<net::ServerAddress> ParseMeetingFile(std::string_view text) {
  if (text.size() > kMaxBytes || !text.starts_with(kFirstLine)) return {};
  text.remove_prefix(kFirstLine.size());
  const auto host = TakeLine(text, "host");
  const auto port_text = TakeLine(text, "port");
  const auto secret = TakeLine(text, "secret");
  if (!host || !port_text || !secret || !text.empty()) return {};
  int port = 0;
  const char* end = port_text->data() + port_text->size();
  const auto [rest, error] = std::from_chars(port_text->data(), end, port);
  if (error != std::errc() || rest != end || port < 1 || port > 65535) return {};
  return net::ServerAddress{
      .host = std::string(*host), .port = port, .secret = std::string(*secret)};
}

}  // namespace convoy::rendezvous
