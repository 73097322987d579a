// How the processes of one user on one machine find worker 0: a name that is no file.
#pragma once

#include <optional>
#include <string>
#include <thread>

#include "parallel/net/channel.h"
#include "parallel/net/socket.h"

namespace convoy::rendezvous {

/// While it lives, hands the server's port and secret to processes of the same user that ask for
/// the job by `name`: over an abstract Unix socket, which goes with its process.
class UnixMeetingServer {
 public:
  /// Throws: Error if another job of that name is starting.
  UnixMeetingServer(const std::string& name, const net::ServerAddress& server);
  ~UnixMeetingServer();

 private:
  void Run(const std::string& answer) const;

  Descriptor listening_, wake_;
  std::thread thread_;
};

/// Asks the UnixMeetingServer of job `name`; none, and `why`, if there is none or it does not
/// answer.
std::optional<net::ServerAddress> AskUnixMeeting(const std::string& name, std::string& why);

}  // namespace convoy::rendezvous
