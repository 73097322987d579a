// How processes that share a file system find worker 0: a file that only their user can read.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "parallel/net/channel.h"

namespace convoy::rendezvous {

/// The file as worker 0 has it: written when made, at once or not at all, and removed when it goes,
/// unless another job has replaced it meanwhile. It also goes with a signal that ends this process
/// (SIGINT, SIGTERM, SIGHUP, SIGQUIT), where the program does not catch that.
class MeetingFile {
 public:
  /// Throws: Error if the file cannot be written.
  MeetingFile(const std::string& path, const net::ServerAddress& server);
  ~MeetingFile();
  MeetingFile(const MeetingFile&) = delete;
  MeetingFile& operator=(const MeetingFile&) = delete;

 private:
  void HoldForSignals();
  void LetGo();

  const std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool holds_ = false;
};

/// What the file says; none, and `why`, if it is not there, or half there.
/// Throws: Error if it is not this user's own, or others may read or write it.
std::optional<net::ServerAddress> ReadMeetingFile(const std::string& path, std::string& why);

/// None if `text` is not the contents of such a file.
std::optional<net::ServerAddress> ParseMeetingFile(std::string_view text);

}  // namespace convoy::rendezvous
