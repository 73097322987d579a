// tools/setup where nothing can be built, and commands that are called through a symbolic link.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/models/data/temporary_folder.h"
#include "tests/models/trainers/subprocess.h"

namespace convoy {
namespace {

namespace fs = std::filesystem;

// A copy of the commands and of a trainer's name: ROOT/tools/setup, ROOT/tools/train and so on.
fs::path Copy(const fs::path& root) {
  fs::create_directories(root / "tools");
  fs::create_directories(root / "models/trainers");
  std::ofstream(root / "models/trainers/gpt.cc") << "int main() {}\n";
  for (const char* name : {"bundle", "setup", "train"}) {
    fs::copy_file(fs::path("tools") / name, root / "tools" / name);
  }
  return root / "tools";
}

// Programs that would install something leave a mark instead.
std::vector<std::string> WithFakeApt(const TemporaryFolder& folder,
                                     std::vector<std::string> command) {
  const fs::path bin = fs::path(folder.path()) / "bin";
  fs::create_directories(bin);
  for (const char* name : {"apt-get", "sudo", "bazel"}) {
    const std::string path = folder.Write(std::string("bin/") + name,
                                          "#!/bin/sh\ntouch '" + folder.path() + "/called'\n");
    fs::permissions(path, fs::perms::owner_all);
  }
  command.insert(command.begin(), {"/usr/bin/env", "PATH=" + bin.string() + ":/usr/bin:/bin",
                                   "HOME=" + folder.path()});
  return command;
}

bool Called(const TemporaryFolder& folder) { return fs::exists(folder / "called"); }

TEST_CASE("A path with blanks is refused before anything is installed") {
  const TemporaryFolder folder;
  const fs::path tools = Copy(fs::path(folder.path()) / "my project");
  for (const char* name : {"setup", "train"}) {
    const ProcessResult result = RunProcess(WithFakeApt(folder, {tools / name}));
    CAPTURE(name, result.err);
    CHECK_FALSE(Called(folder));
    CHECK(result.status == 1);
    CHECK_THAT(result.err, Catch::Contains("tools/setup: Bazel 4 cannot build in a folder whose "
                                           "path has blanks: '") &&
                               Catch::Contains("my project'"));
  }
}

TEST_CASE("A home that is missing or of no use is refused before anything is installed") {
  const TemporaryFolder folder;
  const fs::path tools = Copy(fs::path(folder.path()) / "project");
  const std::vector<std::vector<std::string>> homes = {
      {"-u", "HOME"}, {"HOME="}, {"HOME=/nonexistent"}, {"HOME=" + folder.path() + "/a b"}};
  fs::create_directories(fs::path(folder.path()) / "a b");
  for (const auto& home : homes) {
    CAPTURE(home);
    std::vector<std::string> command = {"/usr/bin/env"};
    command.insert(command.end(), home.begin(), home.end());
    command.push_back(tools / "setup");
    const ProcessResult result = RunProcess(WithFakeApt(folder, command));
    CHECK(result.status == 1);
    CHECK_FALSE(Called(folder));
    CHECK_THAT(result.err,
               Catch::StartsWith("tools/setup: Bazel keeps what it builds below $HOME") &&
                   Catch::Contains("export HOME="));
  }
}

TEST_CASE("A command that is called through a symbolic link finds its project") {
  const TemporaryFolder folder;
  const fs::path tools = Copy(fs::path(folder.path()) / "project");
  folder.Write("project/models/trainers/toy.cc", "int main() {}\n");
  fs::create_directories(fs::path(folder.path()) / "elsewhere");
  const fs::path link = fs::path(folder.path()) / "elsewhere/train";
  fs::create_symlink(tools / "train", link);
  const ProcessResult result = RunProcess({link, "--help"});
  CHECK(result.status == 0);
  CHECK_THAT(result.out, Catch::Contains("Trainers: gpt toy"));
}

TEST_CASE("A bundle takes the place of an earlier one alone, and of nothing inside the project") {
  const TemporaryFolder folder;
  const fs::path tools = Copy(fs::path(folder.path()) / "project");
  // What a bundle has, in the project; the same outside, but for one of its marks.
  for (const char* place : {"project/tools/gpu", "other"}) {
    fs::create_directories(fs::path(folder.path()) / place);
    for (const char* mark : {"gpu_check", "REVISION", "TESTS", "GLIBC"}) {
      folder.Write(std::string(place) + "/" + mark, "");
    }
  }
  folder.Write("project/tools/gpu/GLIBCXX", "");
  folder.Write("new.tar.xz", "");
  fs::create_directory_symlink(tools, fs::path(folder.path()) / "link");
  for (const auto& [place, message] : std::vector<std::pair<std::string, std::string>>{
           {"project/tools/gpu", "is inside the project"},
           {"project/new", "is inside the project"},
           {"link/gpu", "is inside the project"},
           {"other", "is there already, and is no bundle"},
           {"new", "is there already, and is not of a bundle"}}) {
    const ProcessResult result =
        RunProcess(WithFakeApt(folder, {tools / "bundle", folder.path() + "/" + place}));
    CAPTURE(place, result.err);
    CHECK(result.status == 1);
    CHECK_FALSE(Called(folder));
    CHECK_THAT(result.err, Catch::Contains("/" + place) && Catch::Contains(message));
  }
  CHECK(fs::exists(fs::path(folder.path()) / "project/tools/gpu/gpu_check"));
  CHECK(fs::exists(fs::path(folder.path()) / "other/gpu_check"));
}

TEST_CASE("An unknown argument of a command ends with 2") {
  const TemporaryFolder folder;
  const fs::path tools = Copy(fs::path(folder.path()) / "project");
  CHECK(RunProcess(WithFakeApt(folder, {tools / "setup", "--quite"})).status == 2);
  CHECK(RunProcess(WithFakeApt(folder, {tools / "train", "resnet"})).status == 2);
  CHECK_FALSE(Called(folder));
}

}  // namespace
}  // namespace convoy
