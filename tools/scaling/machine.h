// What a measurement runs on, and what is wrong with it there.
#pragma once

#include <string>
#include <vector>

#include "parallel/group/worker.h"
#include "tools/scaling/results.h"

namespace convoy {

/// "2 cores of Intel(R) Xeon(R) Processor", "NVIDIA H200".
std::string DescribeMachine(const Worker& worker);
/// "2026-11-28", local time.
std::string Today();

/// What other programs do to a measurement, before it starts: none if the machine is quiet.
std::vector<std::string> LoadWarnings();

/// What makes figures of `measurement` worthless: steps whose times lie far apart, few steps,
/// workers that share cores.
std::vector<std::string> WarningsFor(const Measurement& measurement);

}  // namespace convoy
