// The launcher's deputy on each host, on this one too.
#pragma once

#include <string>
#include <vector>

#include "tools/launcher/frames.h"

namespace convoy {

/// Starts and watches workers as the launcher at the other end of standard input and output says
/// (frames.h). When that end is closed, or is silent for a minute after it has promised to speak,
/// this kills all that it has started, and what those have started, and returns an exit status.
int RunAgent();

/// What the worker with this place in `order` finds in its environment: this process's variables
/// without those of other launchers, and the order's.
std::vector<std::string> WorkerEnvironment(const StartOrder& order, int local_rank);

}  // namespace convoy
