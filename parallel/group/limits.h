// The largest run.
#pragma once

namespace convoy {

inline constexpr int kMaxWorkers = 1024;  ///< as many devices cpu:K as there can be

}  // namespace convoy
