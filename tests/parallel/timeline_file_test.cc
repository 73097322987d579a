// The file of a timeline: whole after every addition, shared by a run, and nobody else's.
#include "parallel/timeline_file.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

namespace convoy {
namespace {

class Folder {
 public:
  Folder() {
    std::string name = "/tmp/timeline-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

nlohmann::json Parse(const std::string& path) { return nlohmann::json::parse(std::ifstream(path)); }

std::string Event(int i) { return ",\n{\"ph\":\"X\",\"name\":\"" + std::to_string(i) + "\"}"; }

TEST_CASE("It is a whole JSON array after every addition") {
  const Folder folder;
  const std::string path = folder / "t.json";
  TimelineFile file(path, "a");
  CHECK(Parse(path).size() == 1);
  for (int i = 0; i < 100; ++i) {
    file.Append(Event(i));
    const auto events = Parse(path);
    REQUIRE(events.size() == static_cast<size_t>(i) + 2);
    CHECK(events.back()["name"].get<std::string>() == std::to_string(i));
  }
}

TEST_CASE("Many write into one file, and nothing is lost") {
  const Folder folder;
  const std::string path = folder / "t.json";
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&path] {
      TimelineFile file(path, "a");
      for (int i = 0; i < 200; ++i) file.Append(Event(i));
    });
  }
  for (std::thread& writer : writers) writer.join();
  CHECK(Parse(path).size() == 1 + 4 * 200);
}

TEST_CASE("Another run starts anew, and the one before stops writing") {
  const Folder folder;
  const std::string path = folder / "t.json";
  TimelineFile before(path, "a");
  before.Append(Event(1));
  TimelineFile file(path, "b");
  CHECK(Parse(path).size() == 1);
  before.Append(Event(2));
  CHECK(Parse(path).size() == 1);
  file.Append(Event(3));
  CHECK(Parse(path).size() == 2);
}

TEST_CASE("A file of something else is left alone") {
  const Folder folder;
  const std::string path = folder / "notes.json";
  std::ofstream(path) << "[1, 2]";
  CHECK_THROWS_WITH(TimelineFile(path, "a"),
                    "[timeline] '" + path +
                        "' is there and is not a timeline: it is left alone; give the name of "
                        "another file, or remove it");
  CHECK(Parse(path) == nlohmann::json::parse("[1, 2]"));
  CHECK_THROWS_WITH(
      TimelineFile(folder / "none/t.json", "a"),
      Catch::Contains("[timeline] cannot write '") && Catch::Contains("No such file or directory"));
}

TEST_CASE("A full disk leaves it as it was") {
  const Folder folder;
  const std::string path = folder / "t.json";
  TimelineFile file(path, "a");
  file.Append(Event(1));
  const auto size = std::filesystem::file_size(path);
  // A limit to the size of files does what a full disk does: some of it is written, then no more.
  signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  const rlimit small{.rlim_cur = size + 10, .rlim_max = limit.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  file.Append(Event(2) + Event(3));
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  CHECK(std::filesystem::file_size(path) == size);
  CHECK(Parse(path).size() == 2);
  file.Append(Event(4));  // has ended
  CHECK(Parse(path).size() == 2);
}

}  // namespace
}  // namespace convoy
