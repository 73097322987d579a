// The file of a timeline: whole after every addition, shared by a run, and nobody else's.
#include "parallel/profile/timeline_file.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/json.h"

namespace convoy {
namespace {

class Folder {
 public:
  Folder() {
    std::string name = "/tmp/timeline-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string Event(int i) { return ",\n{\"ph\":\"X\",\"name\":\"" + std::to_string(i) + "\"}"; }

std::string LongEvent(int i, size_t bytes) {
  return ",\n{\"ph\":\"X\",\"name\":\"" + std::to_string(i) + "\",\"args\":{\"of\":\"" +
         std::string(bytes, 'x') + "\"}}";
}

TEST_CASE("It is a whole JSON array after every addition") {
  const Folder folder;
  const std::string path = folder / "t.json";
  TimelineFile file(path, "a");
  CHECK(ReadJson(path).size() == 1);
  for (int i = 0; i < 100; ++i) {
    file.Append(Event(i));
    const auto events = ReadJson(path);
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
  CHECK(ReadJson(path).size() == 1 + 4 * 200);
}

TEST_CASE("Events of every size are there, in order, through many new files") {
  const Folder folder;
  const std::string path = folder / "t.json";
  TimelineFile file(path, "a"), other(path, "a");
  std::string batch;
  int count = 0;
  for (int i = 0; i < 400; ++i) {
    batch += LongEvent(count++, static_cast<size_t>(i) * 37 % 5000);
    if (i % 7 != 0) continue;
    (i % 2 == 0 ? file : other).Append(batch);
    batch.clear();
  }
  file.Append(batch);
  const auto events = ReadJson(path);
  REQUIRE(events.size() == static_cast<size_t>(count) + 1);
  for (size_t i = 1; i < events.size(); ++i) {
    REQUIRE(events[i]["name"].get<std::string>() == std::to_string(i - 1));
  }
}

TEST_CASE("A writer that is killed at any moment leaves a whole file") {
  const Folder folder;
  const std::string path = folder / "t.json";
  std::mt19937 random(7);
  for (int round = 0; round < 150; ++round) {
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      TimelineFile file(path, std::to_string(round));
      for (int i = 0;; ++i) {
        std::string batch;
        for (int e = 0; e < 100; ++e) batch += LongEvent(i, 300 + static_cast<size_t>(e) * 21);
        file.Append(batch);
      }
    }
    while (!std::filesystem::exists(path)) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20000));
    kill(child, SIGKILL);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    std::string error;
    try {
      CHECK(ReadJson(path).is_array());
    } catch (const nlohmann::json::exception& problem) {
      error = problem.what();
    }
    REQUIRE(error.empty());
  }
}

TEST_CASE("While one run writes, another is refused; when it has ended, another starts anew") {
  const Folder folder;
  const std::string path = folder / "t.json";
  {
    TimelineFile before(path, "a");
    before.Append(Event(1));
    CHECK_THROWS_WITH(TimelineFile(path, "b"), "[timeline] another run is writing to '" + path +
                                                   "'; give the name of another file, or wait "
                                                   "until that run has ended");
    // Its own workers are let in, also after the file was replaced by a larger one.
    TimelineFile worker(path, "a");
    worker.Append(LongEvent(2, 500000));
    before.Append(Event(3));
    CHECK(ReadJson(path).size() == 4);
    CHECK_THROWS_WITH(TimelineFile(path, "b"), Catch::Contains("another run is writing to"));
  }
  TimelineFile file(path, "b");
  CHECK(ReadJson(path).size() == 1);
  file.Append(Event(4));
  CHECK(ReadJson(path).size() == 2);
}

TEST_CASE("A symbolic link is followed, and the file keeps its mode") {
  const Folder folder;
  const std::string path = folder / "t.json";
  std::filesystem::create_symlink("real.json", path);
  TimelineFile(path, "a").Append(Event(1));
  std::filesystem::permissions(folder / "real.json", std::filesystem::perms(0600));
  TimelineFile(path, "b").Append(LongEvent(2, 500000));
  CHECK(std::filesystem::is_symlink(path));
  CHECK(ReadJson(folder / "real.json").size() == 2);
  CHECK(std::filesystem::status(path).permissions() == std::filesystem::perms(0600));
}

TEST_CASE("A file of something else is left alone") {
  const Folder folder;
  const std::string path = folder / "notes.json";
  std::ofstream(path) << "[1, 2]";
  CHECK_THROWS_WITH(TimelineFile(path, "a"),
                    "[timeline] '" + path +
                        "' is there and is not a timeline: it is left alone; give the name of "
                        "another file, or remove it");
  CHECK(ReadJson(path) == ParseJson("[1, 2]"));
  CHECK_THROWS_WITH(
      TimelineFile(folder / "none/t.json", "a"),
      Catch::Contains("[timeline] cannot write '") && Catch::Contains("there is no folder"));
}

TEST_CASE("A full disk leaves it as it was") {
  const Folder folder;
  const std::string path = folder / "t.json";
  TimelineFile file(path, "a");
  file.Append(Event(1));
  const auto size = std::filesystem::file_size(path);
  // A limit to the size of files does what a full disk does: some of it is written, then no more.
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  const rlimit small{.rlim_cur = size + 10, .rlim_max = limit.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  file.Append(LongEvent(2, 2 * size));
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  CHECK(std::filesystem::file_size(path) == size);
  CHECK(ReadJson(path).size() == 2);
  file.Append(Event(4));  // has ended
  CHECK(ReadJson(path).size() == 2);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

}  // namespace
}  // namespace convoy
