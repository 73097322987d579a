// Output for streams whose readers may take their time, or be gone.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace convoy::launcher {

/// Writes to descriptors of this process in the order in which text was added, from a thread of its
/// own, so that Add never waits for a reader that pauses (a pager, Ctrl-S, a slow pipe).
///
/// A thread, and not O_NONBLOCK: standard streams are shared with other processes, whose writes
/// that flag would break. Nor poll() before each write: a terminal that has room for one byte is
/// ready, and a longer write to it waits, as does one to a pipe that somebody else fills meanwhile.
class OutputQueue {
 public:
  /// `limit`: bytes from which on it is full. SIGPIPE has to be ignored.
  /// Throws: Error if no thread can be started.
  explicit OutputQueue(size_t limit);
  /// Text that has not been written by now is lost.
  ~OutputQueue();
  OutputQueue(const OutputQueue&) = delete;
  OutputQueue& operator=(const OutputQueue&) = delete;

  /// Takes the text even when the queue is full: the caller asks full() first, and does not read
  /// more text meanwhile. Text for a descriptor that has failed is dropped.
  void Add(int fd, std::string_view text);

  bool full() const;
  /// The errno with which writing to `fd` has failed, EPIPE if its reader is gone; 0 if it has not
  /// failed.
  int failure(int fd) const;
  /// Waits until all is written, not longer than `wait`. False if it is not.
  bool WaitUntilWritten(std::chrono::milliseconds wait);

 private:
  struct State;
  static void Write(State& state);

  const size_t limit_;
  const std::shared_ptr<State> state_;  // the thread's too: it may hang in a write for ever
  std::thread writer_;
};

}  // namespace convoy::launcher
