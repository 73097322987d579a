// How the clocks of workers on different machines differ.
#pragma once

#include <chrono>

#include "parallel/group/worker.h"

namespace convoy {

/// What to add to this worker's steady clock to have that of worker 0, for times of several workers
/// on one axis. Collective: messages go to and fro, and of those that took the shortest time the
/// middle is taken for the moment of the answer, as NTP does. Right within half the round trip;
/// exactly zero for workers that share a machine. Clocks drift apart by some milliseconds an hour.
std::chrono::nanoseconds ClockOffset(Worker& worker);

}  // namespace convoy
