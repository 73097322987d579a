// The CPU backend: a caching aligned allocator per cpu:K, and parallel copies.
#pragma once

#include "core/backend.h"

namespace convoy {

/// Lives until the process ends.
Backend& GetCpuBackend();

}  // namespace convoy
