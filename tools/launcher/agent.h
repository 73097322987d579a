// The agent: starts and watches the workers of one host for the launcher.
#pragma once

#include <string>
#include <vector>

#include "tools/launcher/messages.h"

namespace convoy::launcher {

/// Starts and watches workers as the launcher at the other end of standard input and output says
/// (messages.h). When that end is closed, or is silent for longer than it has promised to be at
/// most, this kills all that it has started, and what those have started, and returns an exit
/// status.
///
/// A connection that is closed tells that the launcher has gone: that ends the workers at once.
/// Silence alone does not, since a launcher that is stopped (Ctrl-Z) is as silent as one whose host
/// was cut off; so it may last for a quarter of an hour, after which a kernel gives up a connection
/// too (tcp_retries2). Workers that need each other find out earlier that one was cut off.
int RunAgent();

/// What the worker with this place in `order` finds in its environment: this process's variables
/// without those of other launchers, and the order's.
std::vector<std::string> WorkerEnvironment(const StartOrder& order, int local_rank);

}  // namespace convoy::launcher
