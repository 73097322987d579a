// A file with the times of all workers' steps, for Perfetto (https://ui.perfetto.dev) or
// chrome://tracing.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "parallel/group/worker.h"
#include "parallel/profile/step_profiler.h"

namespace convoy {

class TimelineFile;

/// Chrome's trace event format, as a JSON array
/// (https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU).
///
/// Every worker is a "process" with two "threads": `compute`, its phases and the waits in them, and
/// `communication`, its sums one after the other: a wait until a sum could start, then the sum, and
/// a tick where a bucket's gradients were ready. Times are on worker 0's clock (clock_offset.h).
///
/// All workers of a machine write into one file, which holds a whole JSON array after every call,
/// also when the run is killed. On several machines without a common file system each has a file.
/// A run's first worker to open the file clears what another run has left there.
class Timeline {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Collective. Throws: Error if the file cannot be opened or is one of something else.
  Timeline(Worker& worker, const std::string& path);
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  /// Step `number`'s phases and buckets. If the file cannot be written (a full disk), it stays as
  /// it is, a line on stderr says so, once, and this and all further calls do nothing.
  void Add(int64_t number, const StepTimes& step);
  /// Something that the worker did apart from steps: an evaluation, a save.
  void Add(std::string_view name, Time begin, Time end);

  /// Collective. Whether every worker could write all that it was given.
  bool Complete(Worker& worker) const;

 private:
  const int rank_;
  const std::chrono::nanoseconds to_zero_;  // from this worker's clock to the timeline's
  std::unique_ptr<TimelineFile> file_;
};

}  // namespace convoy
