// The launcher's end of its line to one host.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "tools/launcher/frames.h"
#include "tools/launcher/job.h"
#include "tools/launcher/lines.h"
#include "tools/launcher/output_queue.h"

namespace convoy {

/// An agent on a host, and what carries words to and from it. What it says besides, like ssh's
/// errors, goes to this process's standard error. Nothing here waits for the agent.
class Connection {
 public:
  /// `host` empty: this one. `output` lives longer.
  Connection(const std::string& host, const JobOptions& options, OutputQueue& output);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  const std::string& name() const { return name_; }
  bool remote() const { return remote_; }
  bool greeted() const { return frames_.greeted(); }
  bool ended() const { return from_ < 0; }
  int from() const { return from_; }      ///< readable when there are frames; -1: none any more
  int errors() const { return errors_; }  ///< likewise
  /// What it said last on standard error; else what was said in its place. Printable.
  std::string last_words() const;

  /// Sends it as soon as the agent takes it.
  void Send(const Frame& frame);
  /// Writable when what was sent may go on its way; -1: nothing waits.
  int to() const { return unsent_.empty() ? -1 : to_; }
  void WriteUnsent();
  /// The agent then ends all that it has started. What it has not taken by now is not sent.
  void Close();
  /// Kills what carries the words, if it has not ended yet.
  void Kill();

  /// Reads what there is without waiting for more.
  void ReadFrames();
  std::optional<Frame> Next() { return frames_.Next(); }
  void ReadErrors();
  /// ... until its end, which comes soon once there are no more frames.
  void ReadLastErrors();

  /// The port that was free when it first spoke; 0: none was; nothing: it has not spoken yet.
  std::optional<int> port;

  /// Throws: Error, that it could not be reached: `how` that showed, with its last words.
  [[noreturn]] void FailToReach(const std::string& how) const;

 private:
  const bool remote_;
  const std::string name_;
  pid_t pid_ = -1;
  int to_ = -1, from_ = -1, errors_ = -1;
  std::string unsent_;
  FrameReader frames_;
  LinePrefixer lines_;
  OutputQueue& output_;
};

}  // namespace convoy
