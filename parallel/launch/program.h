// A whole `main`: reads the command line, does the work, and turns what comes of it into an exit
// status.
#pragma once

#include <functional>
#include <string>

#include "core/base/exit_status.h"

namespace CLI {
class App;
}

namespace convoy {

/// Opens standard streams that are closed, reads argv into the flags of `app`, calls `work` and
/// returns what that returns, which is the exit status. --help is printed, with a word on exit
/// statuses at its end. An exception becomes a line on standard error that starts with `name`, and
/// kExitUsage if the command line is at fault (everything that reading it throws, and every
/// UsageError), else kExitFailed; a ReportedError ends with kExitFailed too, but prints nothing,
/// since another process does. Standard output that could not be written is such a line as well,
/// and kExitFailed then takes the place of 0.
int RunProgram(CLI::App& app, int argc, char** argv, const std::string& name,
               const std::function<int()>& work);

}  // namespace convoy
