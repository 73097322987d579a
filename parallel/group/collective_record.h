// One call of a group, as its flight recorder keeps it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace convoy {

struct CollectiveRecord {
  enum class State : uint8_t {
    kQueued,    ///< called, and neither the transport nor, in-process, all workers are there
    kRunning,   ///< under way; on a GPU: its input is computed
    kDone,      ///< this worker's part has ended
    kFailed,    ///< has thrown
    kRecorded,  ///< part of a recorded step, which has entries of its own for its replays
  };
  /// Among the group's collectives, from 1, as error messages count them; 0: a message.
  uint64_t number = 0;
  std::string_view kind;  ///< "AllReduce"
  std::string what;       ///< "bucket 3 (fc1.weight)", or empty
  int64_t bytes = 0;      ///< of the input
  int peer = -1;          ///< of a message: the rank of the other worker; of a broadcast: the root
  int tag = 0;            ///< of a message
  State state = State::kQueued;
  /// Seconds since 1970, UTC. The host's view: on a GPU, what the device does is noticed within
  /// some milliseconds.
  double queued_s = 0;
  std::optional<double> started_s, ended_s;
};

/// "running"
std::string_view Name(CollectiveRecord::State state);

}  // namespace convoy
