// When things happened in one Backward of DataParallel and with its allreduces.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/time_mark.h"
#include "parallel/group/process_group.h"

namespace convoy {

/// Filled while the step goes on, by its worker's thread; marks tell their times once the device
/// has come to them. What a graph records has no marks.
struct BackwardTrace {
  using Mark = std::shared_ptr<const TimeMark>;

  struct Bucket {
    std::string name;  ///< "bucket 3 (fc1.weight, fc1.bias)"
    int64_t bytes = 0;
    Mark ready;                 ///< its last gradient was written
    Mark called, returned;      ///< around the call that starts the allreduce
    Work reduction;             ///< empty if the worker is alone
    Mark wait_begin, wait_end;  ///< around the wait for it; null before
  };
  struct Parameter {
    std::string name;
    int64_t bytes = 0;
    Mark ready;  ///< its gradient had its last contribution; of one that was not reached: the begin
  };

  Mark begin, end;                    ///< of backward
  std::vector<Bucket> buckets;        ///< in the order of the plan
  std::vector<Parameter> parameters;  ///< in the order of the plan
};

}  // namespace convoy
