// Output for streams whose readers may take their time, or be gone.
#include "tools/launcher/output_queue.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include "core/base/error.h"

namespace convoy::launcher {
namespace {

constexpr size_t kWholePiece = 64 << 10;  // what is added to a shorter one joins it

struct Piece {
  int fd;
  std::string text;
};

// Returns 0, or the errno that ended it.
int WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count > 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (count < 0 && errno == EAGAIN) {  // somebody else has made it so
      pollfd waiting = {fd, POLLOUT, 0};
      poll(&waiting, 1, -1);
    } else if (count == 0 || errno != EINTR) {
      return count == 0 ? EIO : errno;
    }
  }
  return 0;
}

}  // namespace

struct OutputQueue::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Piece> pieces;
  size_t bytes = 0;  // in `pieces` and in what is being written
  bool writing = false;
  bool stopped = false;
  std::map<int, int> failures;  // by descriptor
};

OutputQueue::OutputQueue(size_t limit) : limit_(limit), state_(std::make_shared<State>()) {
  // Signals are for the thread that waits for them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::string failure;
  try {
    writer_ = std::thread([state = state_] { Write(*state); });
  } catch (const std::system_error& error) {
    failure = error.what();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  CONVOY_CHECK(failure.empty(),
               "[tools/launch] cannot start a thread: {}; raise `ulimit -u`, or end other programs",
               failure);
}

OutputQueue::~OutputQueue() {
  bool writing = false;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    state_->pieces.clear();
    writing = state_->writing;
    state_->changed.notify_all();
  }
  if (writing) {
    writer_.detach();  // it ends with the process, if nobody reads before
  } else {
    writer_.join();
  }
}

void OutputQueue::Add(int fd, std::string_view text) {
  if (text.empty()) return;
  const std::lock_guard lock(state_->mutex);
  if (state_->failures.contains(fd)) return;
  std::deque<Piece>& pieces = state_->pieces;
  if (!pieces.empty() && pieces.back().fd == fd && pieces.back().text.size() < kWholePiece) {
    pieces.back().text += text;
  } else {
    pieces.push_back({fd, std::string(text)});
  }
  state_->bytes += text.size();
  state_->changed.notify_all();
}

bool OutputQueue::full() const {
  const std::lock_guard lock(state_->mutex);
  return state_->bytes >= limit_;
}

int OutputQueue::failure(int fd) const {
  const std::lock_guard lock(state_->mutex);
  const auto failure = state_->failures.find(fd);
  return failure == state_->failures.end() ? 0 : failure->second;
}

bool OutputQueue::WaitUntilWritten(std::chrono::milliseconds wait) {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, wait, [this] { return state_->bytes == 0; });
}

void OutputQueue::Write(State& state) {
  std::unique_lock lock(state.mutex);
  while (true) {
    state.changed.wait(lock, [&] { return state.stopped || !state.pieces.empty(); });
    if (state.stopped) return;
    const Piece piece = std::move(state.pieces.front());
    state.pieces.pop_front();
    const bool failed_before = state.failures.contains(piece.fd);
    state.writing = true;
    lock.unlock();
    const int failure = failed_before ? 0 : WriteAll(piece.fd, piece.text);
    lock.lock();
    state.writing = false;
    state.bytes -= piece.text.size();
    if (failure != 0) state.failures[piece.fd] = failure;
    state.changed.notify_all();
  }
}

}  // namespace convoy::launcher
