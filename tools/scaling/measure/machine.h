// The machine that a measurement runs on, and conditions there that distort timings.
#pragma once

#include <string>
#include <vector>

#include "parallel/group/worker.h"
#include "tools/scaling/measure/results.h"

namespace convoy::scaling {

/// "2 cores of Intel(R) Xeon(R) Processor", "NVIDIA H200".
std::string DescribeMachine(const Worker& worker);
/// "2026-11-28", local time.
std::string Today();

/// Warnings about other programs that keep cores busy before a measurement starts; empty if the
/// machine is quiet.
std::vector<std::string> LoadWarnings();

/// What makes the figures of `measurement` unreliable: steps whose times lie far apart, few steps,
/// workers that are stopped now and then.
std::vector<std::string> WarningsFor(const Measurement& measurement);

}  // namespace convoy::scaling
