// Whether all workers still have the same parameters.
#pragma once

#include "core/tensor.h"
#include "parallel/group/worker.h"

namespace convoy {

/// Compares hashes of the parameters' bytes over all workers. Reads every parameter once and waits
/// for the device. Collective.
/// Throws: Error on every worker, naming the first parameter that differs, and the workers whose
/// values are not those of the most workers (of the lowest rank among equals):
/// `[DataParallel] parameter 'fc1.weight' of worker 2 has drifted from that of workers 0, 1, 3`.
void CheckReplicas(const Worker& worker, const ParameterList& parameters);

}  // namespace convoy
