// SIGINT and SIGTERM as a request to finish the step under way, save, and end.
#pragma once

namespace convoy::launch {

/// From now on the first SIGINT or SIGTERM of this process only asks to stop; the second one ends
/// the process at once with status 128 + the signal's number. Call it, on every worker, when the
/// first step is about to begin: until then (workers wait for each other, files are read) there is
/// nothing to finish and nobody looks at StopSignal, and a signal had better end the process.
void CatchStopSignals();

/// The signal that has asked to stop; 0: none has. All workers must stop after the same step, and
/// a signal may reach one process alone or two processes in different steps, so let the workers
/// agree, with an allreduce, for example. Worker::StopEarly then makes it the program's exit
/// status.
int StopSignal();

/// If a signal has asked to stop, ends this process by it, as if it had not been caught.
void EndByStopSignal();

}  // namespace convoy::launch
