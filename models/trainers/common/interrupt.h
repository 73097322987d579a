// Ctrl-C as a request to finish.
#pragma once

namespace convoy {

/// From now on the first SIGINT or SIGTERM only asks to stop; the second one ends the process at
/// once with status 128 + the signal's number.
void CatchInterrupts();

/// Whether a signal has asked to stop.
bool Interrupted();

}  // namespace convoy
