// The launcher among the ancestors of a process: real processes.
#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "parallel/launch/env/launcher_env.h"

namespace convoy {
namespace {

// The lines that a shell command writes.
std::vector<std::string> LinesOf(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  std::vector<std::string> lines;
  char line[256];
  while (std::fgets(line, sizeof(line), pipe) != nullptr) {
    if (std::string_view(line).starts_with("starter ")) lines.emplace_back(line);
  }
  pclose(pipe);
  return lines;
}

TEST_CASE("A launcher is the nearest ancestor without the variables that it sets") {
  std::string self(4096, '\0');
  self.resize(static_cast<size_t>(readlink("/proc/self/exe", self.data(), self.size())));
  // The last rank is behind a shell of its own.
  const std::string launcher = fmt::format(
      "export SELF='{}'; for r in 0 1; do CONVOY_TEST_RANK=$r \"$SELF\" '[.starter]'; done; "
      "CONVOY_TEST_RANK=2 sh -c '\"$SELF\" [.starter]; true'",
      self);
  const std::vector<std::string> lines = LinesOf(launcher);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0].size() > std::string("starter \n").size());
  CHECK(lines[1] == lines[0]);
  CHECK(lines[2] == lines[0]);
  CHECK(LinesOf(launcher).at(0) != lines[0]);  // another job
}

// Run by the case above in a process of its own.
TEST_CASE("prints its starter", "[.starter]") {
  fmt::print("starter {}\n", launch::AncestorWithout("CONVOY_TEST_RANK"));
}

}  // namespace
}  // namespace convoy
