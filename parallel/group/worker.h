// One worker of a run: its rank, its device and its group.
#pragma once

#include <cstdint>

#include "core/device.h"
#include "parallel/group/process_group.h"

namespace convoy {

class Worker {
 public:
  Worker(ProcessGroup& group, Device device) : group_(group), device_(device) {}

  int rank() const { return group_.rank(); }
  int world_size() const { return group_.size(); }
  Device device() const { return device_; }
  ProcessGroup& group() const { return group_; }
  /// Rank 0: the one that prints and saves.
  bool is_main() const { return rank() == 0; }

  /// Says that this worker ends before its work is done because signal `signal` has asked it to
  /// (stop_signal.h); Launch then returns 128 + `signal`. Call it on every worker, before `train`
  /// returns.
  void StopEarly(int signal) { stopped_by_ = signal; }
  /// The signal that StopEarly was given; 0: none.
  int stopped_by() const { return stopped_by_; }

 private:
  ProcessGroup& group_;
  Device device_;
  int stopped_by_ = 0;
};

}  // namespace convoy
