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

/// A buffer that a copy in the graph under way reads: kept as long as the graph.
void KeepForReplays(PinnedBuffer buffer);

}  // namespace convoy::cuda
