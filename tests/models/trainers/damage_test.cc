// What a trainer must not damage, and how it ends when the machine gives no more: real processes.
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <set>
#include <thread>

#include "tests/json.h"
#include "tests/models/trainers/job.h"
#include "tests/models/trainers/timeline.h"
#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

using Catch::Contains;
namespace fs = std::filesystem;

class DamageFixture : public TrainerFixture {
 public:
  static inline const Arguments kEndless{"--steps", "100000000", "--eval-every", "0"};

  Arguments Mnist(const Arguments& more) const {
    return Command(Programs()[1], Joined({"--threads", "1", "--workers", "1"}, more));
  }

  /// The command in a shell, after `before`.
  static Arguments InShell(const std::string& before, const Arguments& command,
                           const std::string& after = "") {
    std::string line = before + "; exec";
    for (const std::string& word : command) line += " '" + word + "'";
    return {"/bin/bash", "-c", line + " " + after};
  }

  /// The command ends with an error that says each of `words`, and has trained nothing.
  static void CheckRefused(const Arguments& command, const std::vector<std::string>& words) {
    const ProcessResult result = RunProcess(command);
    INFO(result.out << result.err);
    CHECK(result.status > 0);
    CHECK(result.status < 128);
    CHECK(result.out.find("ms/step") == std::string::npos);
    for (const std::string& word : words) CHECK_THAT(result.err, Contains(word));
  }

  std::set<std::string> Names() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder().path())) {
      names.insert(entry.path().filename());
    }
    return names;
  }
};

struct stat StatOf(const std::string& path) {
  struct stat info {};
  REQUIRE(lstat(path.c_str(), &info) == 0);
  return info;
}

TEST_CASE_METHOD(DamageFixture, "What is no regular file is refused before training, and stays") {
  REQUIRE(mkfifo((folder() / "pipe").c_str(), 0600) == 0);
  sockaddr_un address{.sun_family = AF_UNIX};
  std::strncpy(address.sun_path, (folder() / "socket").c_str(), sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  close(fd);
  std::vector<std::pair<std::string, std::string>> places{{"pipe", "is a named pipe"},
                                                          {"socket", "is a socket"}};
  // A device with a number that no driver has: nothing of this machine is behind it.
  if (mknod((folder() / "device").c_str(), S_IFBLK | 0600, makedev(260, 7)) == 0) {
    places.emplace_back("device", "is a device");
  } else {
    std::puts("SKIPPED: this user cannot make devices (mknod)");
  }
  for (const auto& [name, why] : places) {
    const std::string path = folder() / name;
    fs::create_symlink(name, path + ".link");
    const struct stat before = StatOf(path);
    for (const char* flag : {"--save", "--metrics", "--timeline"}) {
      CAPTURE(flag, name);
      CheckRefused(Mnist({"--steps", "1", flag, path}), {std::string("[") + flag + "] '", why});
      CheckRefused(Mnist({"--steps", "1", flag, path + ".link"}), {why});
    }
    CHECK(StatOf(path).st_ino == before.st_ino);
    CHECK(StatOf(path).st_mode == before.st_mode);
    CHECK(fs::is_symlink(path + ".link"));
  }
}

TEST_CASE_METHOD(DamageFixture, "Links are followed, and files keep their mode") {
  fs::create_directory(folder() / "store");
  for (const char* name : {"save", "metrics", "timeline"}) {
    fs::create_symlink(std::string("store/") + name, folder() / name);
  }
  const Arguments command = Mnist({"--steps", "2", "--save", folder() / "save", "--metrics",
                                   folder() / "metrics", "--timeline", folder() / "timeline"});
  for (int round = 0; round < 2; ++round) {  // the links lead nowhere, then to files
    const ProcessResult result = RunProcess(command);
    INFO(result.err);
    REQUIRE(result.status == 0);
    for (const char* name : {"save", "metrics", "timeline"}) {
      CAPTURE(round, name);
      CHECK(fs::is_symlink(folder() / name));
      CHECK(S_ISREG(StatOf(folder() / "store/" + name).st_mode));
      if (round == 1) CHECK((StatOf(folder() / "store/" + name).st_mode & 07777) == 0640);
      REQUIRE(chmod((folder() / "store/" + name).c_str(), 0640) == 0);
    }
  }
  CHECK_FALSE(SafetensorsFile(folder() / "store/save").entries().empty());
  CHECK(ReadTimeline(folder() / "timeline").processes.size() == 1);
}

TEST_CASE_METHOD(DamageFixture, "Output can go through the shell's pipes") {
  const ProcessResult result =
      RunProcess(InShell(":", Mnist({"--steps", "3"}),
                         "--save >(cat > '" + folder() / "model" + "') --metrics /dev/stdout"));
  INFO(result.out << result.err);
  REQUIRE(result.status == 0);
  CHECK_THAT(result.out, Contains("{\"step\":1,") && Contains("{\"step\":3,"));
  for (int i = 0; i < 3000 && Content(folder() / "model").empty(); ++i) {  // cat may end later
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  for (int i = 0; i < 3000; ++i) {
    try {
      CHECK_FALSE(SafetensorsFile(folder() / "model").entries().empty());
      break;
    } catch (const Error&) {  // not all of it yet
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  CHECK_FALSE(SafetensorsFile(folder() / "model").entries().empty());
}

// ThreadSanitizer backs its own memory with a file, which a limit to the size of files cuts short.
bool LimitsFileSizes() {
#if defined(__SANITIZE_THREAD__)
  std::puts("SKIPPED: ThreadSanitizer itself needs larger files than the limit allows");
  return false;
#else
  return true;
#endif
}

TEST_CASE_METHOD(DamageFixture, "A limit to the size of files is an error, and leaves nothing") {
  if (!LimitsFileSizes()) return;
  folder().Write("model", "the old one");
  const std::set<std::string> names = Names();
  const ProcessResult result =
      RunProcess(InShell("ulimit -f 2", Mnist({"--steps", "2", "--save", folder() / "model"})));
  INFO(result.out << result.err);
  CHECK(result.status == 1);
  CHECK_THAT(result.err, Contains("cannot write '" + folder() / "model" + "': File too large") &&
                             Contains("ulimit -f"));
  CHECK(Content(folder() / "model") == "the old one");
  CHECK(Names() == names);
}

TEST_CASE_METHOD(DamageFixture, "Metrics or standard output that are full do not cost the model") {
  if (!LimitsFileSizes()) return;
  const ProcessResult metrics = RunProcess(InShell(
      "ulimit -f 16",
      Mnist({"--steps", "300", "--metrics", folder() / "metrics", "--save", folder() / "model"})));
  INFO(metrics.out << metrics.err);
  CHECK(metrics.status == 1);
  CHECK_THAT(metrics.err, Contains("warning: [--metrics] cannot write '") &&
                              Contains("File too large") &&
                              Contains("the run is complete, but its metrics are not"));
  CHECK_THAT(metrics.out, Contains("Finished 300 of 300 steps"));
  CHECK_FALSE(SafetensorsFile(folder() / "model").entries().empty());
  std::ifstream file(folder() / "metrics");
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    CHECK(ParseJson(line)["step"] == lines + 1);
  }
  CHECK(lines > 10);
  CHECK(lines < 300);

  folder().Write("out", std::string(20000, '.'));
  const ProcessResult output =
      RunProcess(InShell("ulimit -f 16", Mnist({"--steps", "5", "--save", folder() / "other"}),
                         ">> '" + folder() / "out" + "'"));
  INFO(output.err);
  CHECK(output.status == 1);
  CHECK_THAT(output.err, Contains("writing to standard output failed"));
  CHECK_FALSE(SafetensorsFile(folder() / "other").entries().empty());
}

TEST_CASE_METHOD(DamageFixture, "A second job with the same --metrics or --timeline is refused") {
  for (const std::string flag : {"--metrics", "--timeline"}) {
    CAPTURE(flag);
    const std::string path = folder() / ("of" + flag);
    fs::create_symlink("of" + flag, path + ".link");
    Arguments arguments = Joined(kEndless, {flag, path});
    if (flag == "--timeline") arguments = Joined(arguments, {"--timeline-steps", "20"});
    Subprocess first(Mnist(arguments));
    REQUIRE(first.WaitForOutput("ms/step"));
    for (const std::string& name : {path, path + ".link"}) {
      CheckRefused(Mnist({"--steps", "5", flag, name}),
                   {"another run is writing to '" + name + "'"});
    }
    first.Signal(SIGKILL);
    first.Wait();
    if (flag == "--timeline") {
      CHECK(ReadTimeline(path).names.contains("step 1"));
    } else {
      std::ifstream file(path);
      std::string line;
      for (int step = 1; std::getline(file, line) && !file.eof(); ++step) {
        CHECK(ParseJson(line)["step"] == step);
      }
    }
    // It is free again, however the first job ended.
    const ProcessResult again = RunProcess(Mnist({"--steps", "5", flag, path}));
    INFO(again.err);
    CHECK(again.status == 0);
  }
}

TEST_CASE_METHOD(DamageFixture, "Two outputs are not one file, and no output is an input") {
  folder().Write("a", "");
  fs::create_symlink("a", folder() / "link");
  fs::create_hard_link(folder() / "a", folder() / "hard");
  for (const char* other : {"a", "./a", "link", "hard"}) {
    CheckRefused(Mnist({"--steps", "1", "--save", folder() / "a", "--metrics", folder() / other}),
                 {"[--metrics] '", "is the file of --save too, and one of the two would be lost"});
  }
  CheckRefused(Mnist({"--steps", "1", "--metrics", folder() / "n", "--timeline", folder() / "./n"}),
               {"[--timeline] '", "is the file of --metrics too"});

  const Program gpt = Programs()[0];
  const std::string text = Content(folder() / "text");
  for (const char* flag : {"--save", "--metrics", "--timeline"}) {
    CheckRefused(Command(gpt, {"--steps", "1", flag, folder() / "text"}),
                 {std::string("[") + flag + "] '", "is what --data reads, and would be lost"});
  }
  CHECK(Content(folder() / "text") == text);

  Run(Programs()[1], "start", {"--steps", "0"});
  const std::string start = Content(Saved("start"));
  CheckRefused(Mnist({"--steps", "1", "--init", Saved("start"), "--metrics", Saved("start")}),
               {"is what --init reads"});
  CHECK(Content(Saved("start")) == start);
  Run(Programs()[1], "start", {"--steps", "3", "--init", Saved("start")});  // goes on in one file
  CHECK(Content(Saved("start")) != start);
}

TEST_CASE_METHOD(DamageFixture, "Without memory a run ends with an error that says how much") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  std::puts("SKIPPED: a sanitizer maps more memory than a limit would allow");
#else
  int refused = 0, trained = 0;
  for (int mib = 40; mib <= 400; mib += mib / 3) {
    for (const char* workers : {"1", "2"}) {
      const ProcessResult result = RunProcess(
          InShell("ulimit -c 0; ulimit -v " + std::to_string(mib * 1024),
                  Command(Programs()[1], {"--steps", "2", "--workers", workers, "--threads", "2",
                                          "--hidden", "1500,1500", "--save", folder() / "model"})));
      CAPTURE(mib, workers, result.out, result.err);
      if (result.status == 127) continue;  // not enough to load the program
      CHECK(result.status < 128);          // no signal, no abort
      if (result.status == 0) {
        ++trained;
        continue;
      }
      ++refused;
      const bool says = result.err.find("] cpu:") != std::string::npos ||
                        result.err.find("[memory] ") != std::string::npos ||
                        result.err.find("the host is out of memory") != std::string::npos ||
                        result.err.find("cannot start ") != std::string::npos ||
                        result.err.find("starts no more threads") != std::string::npos;
      CHECK(says);
      CHECK_THAT(result.err, Contains("ulimit -v") || Contains("bytes wanted"));
    }
  }
  CHECK(refused >= 3);
  CHECK(trained >= 1);
#endif
}

TEST_CASE_METHOD(DamageFixture, "More micro-batches than samples are refused") {
  for (const Program& program : Programs()) {
    const std::string samples = program.name == "gpt" ? "6" : "22";
    CheckRefused(Command(program, {"--workers", "1", "--micro-batches",
                                   std::to_string(std::stoi(samples) + 1)}),
                 {"[--micro-batches] the " + samples + " samples of a batch cannot be cut",
                  "give at most --batch-size"});
    CheckRefused(Command(program, {"--micro-batches", "1000000000"}), {"--micro-batches"});
    Run(program, "each", {"--workers", "1", "--steps", "2", "--micro-batches", samples});
  }
}

TEST_CASE_METHOD(DamageFixture, "A signal is heard between micro-batches, and the step given up") {
  // One step of each would take hours.
  const Arguments endless{"--block-size",    "64",     "--layers",  "8", "--channels", "256",
                          "--batch-size",    "200000", "--threads", "1", "--steps",    "5",
                          "--micro-batches", "100000", "--warmup",  "0", "--seed",     "3",
                          "--eval-samples",  "1",      "--sample",  "0"};
  const Program gpt = Programs()[0];
  Run(gpt, "start",
      Joined(endless,
             {"--steps", "0", "--workers", "1", "--batch-size", "6", "--micro-batches", "1"}));
  for (const char* workers : {"1", "2"}) {
    CAPTURE(workers);
    const std::string metrics = folder() / "metrics";
    Subprocess process(Command(gpt, Joined(endless, {"--workers", workers, "--save",
                                                     Saved("stopped"), "--metrics", metrics})));
    REQUIRE(process.WaitForOutput("training "));
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    process.Signal(SIGTERM);
    const ProcessResult result = process.Wait();
    INFO(result.out << result.err);
    CHECK(result.status != 128 + SIGKILL);
    CHECK_THAT(result.out, Contains("Stopped after 0 of 5 steps"));
    CHECK(Content(metrics).empty());
    CHECK(Content(Saved("stopped")) == Content(Saved("start")));  // nothing was updated
  }
}

TEST_CASE_METHOD(DamageFixture, "Numbers beyond all sense are refused, flag by flag") {
  const std::vector<std::string> absurd{"", "-1", "9223372036854775807", "nan", "1e308"};
  struct Flag {
    std::string name;
    bool any_number = false;  // takes what others refuse: the run decides
  };
  const std::vector<Flag> common{{"--steps"},
                                 {"--batch-size"},
                                 {"--micro-batches"},
                                 {"--bucket-mb"},
                                 {"--lr", true},
                                 {"--min-lr", true},
                                 {"--warmup"},
                                 {"--momentum"},
                                 {"--beta1"},
                                 {"--beta2"},
                                 {"--weight-decay", true},
                                 {"--clip", true},
                                 {"--dropout"},
                                 {"--eval-every"},
                                 {"--timeline-steps"},
                                 {"--workers"},
                                 {"--threads"},
                                 {"--timeout", true},
                                 {"--seed", true}};
  std::vector<Flag> gpt, mnist = common;
  for (const char* name : {"--layers", "--heads", "--channels", "--block-size", "--vocab-size",
                           "--eval-samples", "--sample", "--top-k"}) {
    gpt.push_back({name});
  }
  gpt.push_back({"--temperature", true});
  mnist.push_back({"--epochs"});
  mnist.push_back({"--hidden"});
  for (const Program& program : Programs()) {
    for (const Flag& flag : program.name == "gpt" ? gpt : mnist) {
      for (const std::string& value : absurd) {
        CAPTURE(program.name, flag.name, value);
        const ProcessResult result = RunProcess(Command(
            program, {"--workers", "1", "--threads", "1", "--steps", "1", flag.name, value}));
        INFO(result.out << result.err);
        CHECK(result.status < 128);
        CHECK_THAT(result.err, !Contains("std::"));
        if (!flag.any_number) {
          CHECK(result.status != 0);
          CHECK_THAT(result.err, Contains(flag.name));
        }
      }
    }
  }
}

}  // namespace
}  // namespace convoy
