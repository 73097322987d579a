// The example programs run, and README.md shows the very text that is built.
#include <catch2/catch.hpp>
#include <sstream>
#include <string>
#include <vector>

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

// The losses that models/examples/mesh.cc prints on so many workers, after the line that describes
// the mesh as `sizes`.
std::vector<double> MeshLosses(const std::string& workers, const std::string& sizes) {
  const ProcessResult result =
      RunProcess({"models/examples/mesh", "--workers", workers, "--threads", "1"});
  CAPTURE(result.err);  // a warning, where there are fewer cores than workers
  REQUIRE(result.status == 0);
  CHECK(result.out.find("mesh of " + workers + " workers: " + sizes + "\n") == 0);
  std::vector<double> losses;
  std::istringstream lines(result.out);
  for (std::string line; std::getline(lines, line);) {
    const size_t at = line.find(": loss ");
    if (at != std::string::npos) losses.push_back(std::stod(line.substr(at + 7)));
  }
  return losses;
}

TEST_CASE("The mesh program trains alike on one and on two shards of the data") {
  const std::vector<double> one = MeshLosses("2", "tensor 2");
  const std::vector<double> two = MeshLosses("4", "data 2 x tensor 2");
  REQUIRE(one.size() == 5);
  REQUIRE(two.size() == 5);
  for (size_t epoch = 0; epoch < 5; ++epoch) CHECK(two[epoch] == Approx(one[epoch]).margin(0.0011));
  CHECK(one.back() < one.front() / 2);
}

}  // namespace
}  // namespace convoy
