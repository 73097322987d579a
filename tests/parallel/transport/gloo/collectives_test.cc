// Every collective of Gloo's transport against a plain reference.
#include <atomic>
#include <catch2/catch.hpp>
#include <vector>

#include "tests/parallel/collective_cases.h"
#include "tests/parallel/history_cases.h"
#include "tests/parallel/split_cases.h"
#include "tests/parallel/transport/gloo/gloo_workers.h"

namespace convoy {
namespace {

TEST_CASE("Gloo: reductions equal the sum in rank order, bit for bit") {
  RunGlooWorkers(GENERATE(1, 2, 3, 4, 8), CheckReductions);
}

TEST_CASE("Gloo: a NaN of any worker is in the sum, the maximum and the minimum") {
  RunGlooWorkers(GENERATE(1, 2, 3), CheckNaN);
}

TEST_CASE("Gloo: Broadcast, AllGather and AllToAll move every dtype") {
  RunGlooWorkers(GENERATE(1, 2, 3, 4, 8), CheckAllMoves);
}

TEST_CASE("Gloo: tensors of 64 MiB") { RunGlooWorkers(GENERATE(2, 3), CheckLarge); }

TEST_CASE("Gloo: many collectives may be under way at once") {
  RunGlooWorkers(GENERATE(1, 4), CheckManyAtOnce);
}

TEST_CASE("Gloo: Done becomes true for workers that only ask") {
  RunGlooWorkers(GENERATE(1, 3), CheckDone);
}

TEST_CASE("Gloo: Barrier lets nobody pass before everybody has come") {
  std::atomic<int> arrived{0};
  RunGlooWorkers(4, [&](Worker& worker) { CheckBarrier(worker, arrived); });
}

TEST_CASE("Gloo: messages arrive in order per source, destination and tag") {
  RunGlooWorkers(3, CheckMessages);
}

TEST_CASE("Gloo: a worker may send to itself, and receive before anybody sends") {
  RunGlooWorkers(2, CheckMessagesToOneself);
}

TEST_CASE("Gloo: a worker may return without waiting for what it has joined") {
  RunGlooWorkers(3, CheckLeavesEarly);
}

TEST_CASE("Gloo: Split makes a group of the workers that give one color") {
  RunGlooWorkers(GENERATE(1, 2, 3, 5, 7), CheckSplit);
}

TEST_CASE("Gloo: rows and columns of a grid compute at the same time") {
  RunGlooWorkers(4, CheckGrid);
}

TEST_CASE("Gloo: history tells of every call what it was and how far it has come") {
  RunGlooWorkers(3, CheckHistory);
  RunGlooWorkers(2, CheckLongHistory);
}

}  // namespace
}  // namespace convoy
