// Watches the collectives of one worker: a thread that turns a hang into an error.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/cuda/stream.h"
#include "core/device.h"
#include "parallel/group/flight_recorder.h"
#include "parallel/status/peers.h"
#include "parallel/transport/nccl/communicator.h"

namespace convoy::nccl {

/// Looks every few milliseconds whether the oldest collective under way has ended, whether a worker
/// it needs is gone, whether NCCL reports an error, and whether the run has failed elsewhere. In
/// any of these cases the run has failed, and the communicator is aborted, so that the device's
/// streams go on and every host wait ends with the error.
class Watcher {
 public:
  struct Entry {
    uint64_t number = 0;
    std::vector<uint64_t> calls;  ///< the ids in the flight recorder
    std::string what;
    std::shared_ptr<const cuda::Event> input;  ///< null: ready when all before it has ended
    std::shared_ptr<const cuda::Event> done;
    bool needs_all = false;  ///< it is one collective, which ends here after all have taken part
  };

  /// Tells `history` what has started and ended.
  Watcher(const status::Peers& peers, Communicator& communicator, FlightRecorder& history,
          Device device);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  /// Entries must end in the order in which they are added.
  void Add(Entry entry);

 private:
  using Clock = std::chrono::steady_clock;

  void Run();
  void Look();
  // With mutex_ held.
  void TakeAdded();
  // Notes what is ready, and drops what has ended.
  void NoteProgress();
  // As NoteProgress; returns why the run has failed, or an empty text.
  std::string Advance();

  const status::Peers& peers_;
  Communicator& communicator_;
  FlightRecorder& history_;
  const Device device_;
  const std::chrono::microseconds interval_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> added_;  // by the worker, not yet taken over by the thread
  bool stop_ = false;

  // The thread's own.
  std::deque<Entry> pending_;
  size_t ready_ = 0;         // of these, with their input computed
  Clock::time_point since_;  // the first of them is waited for
  bool counting_ = false;    // whether `since_` holds
  std::thread thread_;
};

}  // namespace convoy::nccl
