// How the processes of one user on one machine find worker 0: a name that is no file.
#pragma once

#include <optional>
#include <string>
#include <thread>

#include "parallel/rendezvous/channel.h"
#include "parallel/rendezvous/socket.h"

namespace convoy {

/// While it lives, hands the server's port and secret to processes of the same user that ask for
/// the job by `name`: over an abstract Unix socket, which goes with its process.
class LocalDoor {
 public:
  /// Throws: Error if another job of that name is starting.
  LocalDoor(const std::string& name, const ServerAddress& server);
  ~LocalDoor();

 private:
  void Run(const std::string& answer) const;

  Fd listening_, wake_;
  std::thread thread_;
};

/// Asks at the door of job `name`; none, and `why`, if nobody opens.
std::optional<ServerAddress> AskAtDoor(const std::string& name, std::string& why);

}  // namespace convoy
