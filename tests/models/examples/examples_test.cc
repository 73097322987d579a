// The example programs run, and README.md shows the very text that is built.
#include <catch2/catch.hpp>

#include "core/base/file.h"
#include "tests/models/trainers/subprocess.h"

namespace convoy {
namespace {

std::string ReadText(const std::string& path) { return ReadWholeFile("test", path, 1 << 20); }

TEST_CASE("README shows the program that is built") {
  const std::string program = ReadText("models/examples/mlp.cc");
  const std::string body = program.substr(program.find("#include"));
  CHECK(ReadText("README.md").find("```cpp\n" + body + "```") != std::string::npos);
}

TEST_CASE("Programs train") {
  const std::string program = GENERATE("mlp", "gradient_policy");
  CAPTURE(program);
  const ProcessResult result =
      RunProcess({"models/examples/" + program, "--workers", "2", "--threads", "1"});
  CHECK(result.err == "");
  REQUIRE(result.status == 0);
  const size_t last = result.out.find("epoch 4: loss ");
  REQUIRE(last != std::string::npos);
  CHECK(std::stod(result.out.substr(last + 14)) < 0.5);
}

}  // namespace
}  // namespace convoy
