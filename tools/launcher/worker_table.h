// What the launcher knows of its workers.
#pragma once

#include <string>
#include <vector>

#include "parallel/launch/supervise/first_cause.h"
#include "tools/launcher/connection.h"
#include "tools/launcher/lines.h"
#include "tools/launcher/messages.h"
#include "tools/launcher/output_queue.h"

namespace convoy::launcher {

class WorkerTable {
 public:
  /// `output` and `cause` live longer. Without `prefix` output is passed on as it comes.
  WorkerTable(bool prefix, OutputQueue& output, launch::FirstCause& cause)
      : prefix_(prefix), output_(output), cause_(cause) {}

  /// The worker with the next rank is on this host.
  void Add(const Connection& host);

  /// What an agent says of one of its workers: passes output on, and adds a cause if the worker has
  /// failed. `signal`: the last one that was passed on to all; 0: none.
  /// Throws: Error if no agent would say that.
  void Hear(const Connection& host, const Message& message, int signal);

  /// This host's workers that have not ended are lost with the connection.
  void Lose(const Connection& host);

  bool all_ended() const;
  /// The exit status of those that have stopped early on the signal, as they were asked to; else 0.
  int stopped_status() const { return stopped_; }

  /// What worker `rank` said of its failure, as the end of a sentence; empty: nothing. It may have
  /// left that to another one: to one that names it, or to one that says why the whole run failed.
  std::string LastWords(int rank, bool killed) const;

 private:
  struct View {
    const Connection* host = nullptr;
    std::string pid;
    bool ended = false;
    LinePrefixer out, err;
  };

  void Show(int fd, const std::string& bytes, LinePrefixer& lines);
  void HasEnded(int rank, int status, int signal);

  const bool prefix_;
  OutputQueue& output_;
  launch::FirstCause& cause_;
  std::vector<View> workers_;  // by rank
  int stopped_ = 0;
};

}  // namespace convoy::launcher
