// A collective or a message that a GlooGroup has under way.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "parallel/group/collective_call.h"
#include "parallel/transport/gloo/gloo_group.h"
#include "parallel/transport/gloo/mesh.h"

namespace convoy::transport {

/// Set in the slots of messages, and not in those of collectives.
inline constexpr uint64_t kMessageSlot = uint64_t{1} << 63;

struct GlooGroup::Call {
  CollectiveCall call;
  std::string what;
  uint64_t number = 0;  // 0: a message
  uint64_t slot = 0;
  std::unique_ptr<MeshBuffer> buffer;             // of a message; null: to oneself, or of nothing
  std::chrono::steady_clock::time_point started;  // of a message: it was given to Gloo

  // Under the group's mutex.
  std::chrono::steady_clock::time_point since;  // it runs; for a message: it is waited for
  WorkTimes times;
  bool taken = false;  // of a message: one thread waits for it, or has done so to its end
  bool done = false;

  bool is_message() const { return number == 0; }
};

}  // namespace convoy::transport
