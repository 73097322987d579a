// Whether all workers have planned the same buckets of the same parameters.
#pragma once

#include <string>

#include "parallel/group/worker.h"

namespace convoy {

/// Compares a hash of `description` (DescribePlan) over all workers. Collective.
/// Throws: Error, on every worker, naming the first parameter that differs, and the workers.
void CheckSamePlan(Worker& worker, const std::string& description);

}  // namespace convoy
