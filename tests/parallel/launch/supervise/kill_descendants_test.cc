// Processes that are ended with all that they have started.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>

#include "parallel/launch/supervise/proc.h"

namespace convoy {
namespace {

// A child that starts one, says its id, and waits or ends; returns both ids.
std::pair<pid_t, pid_t> StartTwo(bool first_ends) {
  int ids[2];
  REQUIRE(pipe(ids) == 0);
  const pid_t child = fork();
  if (child == 0) {
    const pid_t grandchild = fork();
    if (grandchild == 0) {
      setsid();
      while (true) pause();
    }
    if (write(ids[1], &grandchild, sizeof(grandchild)) != sizeof(grandchild)) _exit(1);
    while (!first_ends) pause();
    _exit(0);
  }
  pid_t grandchild = 0;
  REQUIRE(read(ids[0], &grandchild, sizeof(grandchild)) == sizeof(grandchild));
  close(ids[0]);
  close(ids[1]);
  return {child, grandchild};
}

TEST_CASE("KillDescendants: children, theirs, and what those have left behind; nobody else") {
  launch::AdoptOrphans();
  const auto [child, grandchild] = StartTwo(/*first_ends=*/false);
  const auto [gone, orphan] = StartTwo(/*first_ends=*/true);
  const pid_t parent = getppid();
  launch::KillDescendants();
  for (const pid_t pid : {child, grandchild, gone, orphan}) {
    CHECK(kill(pid, 0) != 0);
    CHECK(launch::ReadProcStat(pid).parent == 0);
  }
  CHECK(getppid() == parent);
  CHECK(launch::Descendants().empty());
}

}  // namespace
}  // namespace convoy
