// The programs that README.md shows: the very text that is built, and it runs.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
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
  const char* data = std::getenv("CONVOY_DATA");
  if (data == nullptr) {
    std::cout << "SKIPPED: README's program: CONVOY_DATA names no data\n";
    return;
  }
  namespace fs = std::filesystem;
  const std::string program = fs::absolute("models/examples/mlp");
  const fs::path before = fs::current_path();
  const fs::path folder = fs::path(std::getenv("TEST_TMPDIR")) / "example";
  fs::create_directories(folder);
  fs::create_directory_symlink(data, folder / "data");
  fs::current_path(folder);
  const ProcessResult result = RunProcess({program, "--workers", "2", "--threads", "1"});
  fs::current_path(before);
  CHECK(result.err == "");
  REQUIRE(result.status == 0);
  const size_t last = result.out.find("epoch 4: loss ");
  REQUIRE(last != std::string::npos);
  CHECK(std::stod(result.out.substr(last + 14)) < 0.5);
}

}  // namespace
}  // namespace convoy
