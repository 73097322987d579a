// Recorded graphs: a device's work captured once and replayed as one.
#pragma once

#include <functional>
#include <memory>

#include "core/backend.h"
#include "core/cuda/pinned.h"

namespace convoy::cuda {

/// Backend::Record for a GPU. The work is captured on a stream of its own (Use returns it
/// meanwhile), with the thread-local mode: other threads go on as they like. Work for other streams
/// becomes part of the graph when they wait for an event of it, and must be waited for in turn.
std::unique_ptr<Recording> RecordGraph(Device device, const std::function<void()>& work);

/// Work on a stream of its own that others are made to wait for late, when its results are read. A
/// graph sets bounds to that: it can neither wait for what is outside nor leave work of its own
/// open, and what is read in a replay is not known to the host.
class SideWork {
 public:
  /// Makes the current stream wait for what was started in the recording under way, or, outside of
  /// one, outside. Called before a graph is recorded or replayed, and as the end of a recording.
  virtual void Join() = 0;

 protected:
  ~SideWork() = default;
};

/// Has `work` joined wherever the calling thread's graphs need it, until it is removed.
void AddSideWork(SideWork& work);
void RemoveSideWork(SideWork& work);

/// A buffer that a copy in the graph under way reads: kept as long as the graph.
void KeepForReplays(PinnedBuffer buffer);

}  // namespace convoy::cuda
