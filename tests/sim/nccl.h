// What a test says to the fake NCCL, beside control.h.
#pragma once

namespace convoy::sim {

/// Whether there is an NCCL library: not if the environment says CONVOY_SIM_NCCL=missing. Its
/// version is the header's, or CONVOY_SIM_NCCL_VERSION (22809 for 2.28.9).
bool NcclIsThere();

}  // namespace convoy::sim
