// The programs that README.md shows: the very text that is built, and it runs.
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "tests/models/trainers/subprocess.h"

namespace convoy {
namespace {

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  REQUIRE(file);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_CASE("README shows the program that is built") {
  const std::string program = ReadText("models/examples/mlp.cc");
  const std::string body = program.substr(program.find("#include"));
  CHECK(ReadText("README.md").find("```cpp\n" + body + "```") != std::string::npos);
}

TEST_CASE("README's program trains") {
  const ProcessResult result =
      RunProcess({"models/examples/mlp", "--workers", "2", "--threads", "1"});
  CHECK(result.err == "");
  REQUIRE(result.status == 0);
  const size_t last = result.out.find("epoch 4: loss ");
  REQUIRE(last != std::string::npos);
  CHECK(std::stod(result.out.substr(last + 14)) < 0.5);
}

}  // namespace
}  // namespace convoy
