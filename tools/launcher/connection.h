// The launcher's connection to the agent on one host.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/base/descriptor.h"
#include "parallel/launch/supervise/child_processes.h"
#include "tools/launcher/job.h"
#include "tools/launcher/lines.h"
#include "tools/launcher/messages.h"
#include "tools/launcher/output_queue.h"

namespace convoy::launcher {

/// An agent on a host, started here or over ssh. What it writes to standard error, or ssh does,
/// goes to this process's standard error. Nothing here waits for the agent.
class Connection {
 public:
  /// `host` empty: this one. `output` lives longer.
  Connection(const std::string& host, const JobOptions& options, OutputQueue& output);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const std::string& name() const { return name_; }
  bool remote() const { return remote_; }
  bool greeted() const { return messages_.greeted(); }
  bool ended() const { return !from_; }
  int from() const { return from_.get(); }  ///< readable when there are messages; -1: none any more
  int errors() const { return errors_.get(); }  ///< likewise
  /// The last message on its standard error; before it has greeted, and if there is none, the last
  /// line of what has come in place of the preamble. Printable.
  std::string last_words() const;

  /// Sends it as soon as the agent takes it.
  void Send(const Message& message) { SendBytes(Encode(message)); }
  void Send(const StartOrder& order) { SendBytes(Encode(order)); }
  /// Writable when what was sent may go on its way; -1: nothing waits.
  int to() const { return unsent_.empty() ? -1 : to_.get(); }
  void WriteUnsent();
  /// The agent then ends all that it has started. What it has not taken by now is not sent.
  void Close();
  /// Kills the process that carries the messages (ssh, or the agent itself), unless it has ended.
  void Kill();

  /// Reads what there is without waiting for more.
  void ReadMessages();
  std::optional<Message> Next() { return messages_.Next(); }
  void ReadErrors();
  /// Reads what is left on its standard error, up to the end of that, which comes soon once there
  /// are no more messages.
  void ReadLastErrors();

  /// The free port that its message kHello names; 0: no port was free; none: it has sent no kHello.
  std::optional<int> port;

  /// Throws: Error saying that the host could not be reached, with `how` that showed and the
  /// agent's last words.
  [[noreturn]] void FailToReach(const std::string& how) const;

 private:
  void SendBytes(std::string_view bytes);

  const bool remote_;
  const std::string name_;
  launch::ChildProcesses carrier_{{}};  // the agent itself, or ssh
  Descriptor to_, from_, errors_;
  std::string unsent_;
  MessageReader messages_;
  LinePrefixer lines_;
  OutputQueue& output_;
};

}  // namespace convoy::launcher
