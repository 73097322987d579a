// tools/launch while nobody takes its output, and while it is stopped itself: jobs go on.
#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/models/trainers/subprocess.h"
#include "tests/tools/launch/launcher.h"
#include "tools/launcher/messages.h"

namespace convoy::launcher {
namespace {

// Enough for no pipe, and little enough to be kept for a reader that pauses.
const std::string kManyLines =
    "i=0; while [ $i -lt 3000 ]; do printf '%0100d\\n' $i; i=$((i+1)); "
    "done; ";

void SleepSeconds(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// Of /proc/PID/fdinfo/FD: whether writes do not wait.
bool NeverWaits(const std::string& fdinfo) {
  const size_t at = fdinfo.find("flags:");
  REQUIRE(at != fdinfo.npos);
  return (std::stoi(fdinfo.substr(at + 6), nullptr, 8) & O_NONBLOCK) != 0;
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Two workers on two hosts, started by a stand-in for ssh.
struct TwoHosts {
  const TempFile hosts{"alpha\nbeta\n"};
  const TempFile ssh{kFakeSsh, /*executable=*/true};

  std::vector<std::string> Flags(const std::string& silence) const {
    return {"--hosts", hosts.path(), "--ssh", ssh.path(), "--silence", silence};
  }
};

TEST_CASE("A pipe that nobody reads for longer than --silence does a job on other hosts no harm") {
  const TwoHosts two;
  const TempFile status("");
  setenv("SCRIPT", (kManyLines + "sleep 12; echo end").c_str(), 1);
  const ProcessResult result =
      RunProcess({"/bin/sh", "-c",
                  fmt::format("{{ {} --hosts {} --ssh {} --silence 4 -- sh -c \"$SCRIPT\"; echo $? "
                              "> {}; }} | {{ sleep 10; cat; }}",
                              kLauncher, two.hosts.path(), two.ssh.path(), status.path())});
  unsetenv("SCRIPT");
  CHECK(ReadAll(status.path()) == "0\n");
  CHECK(result.err == "");
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') == 2 * 3001);
  CHECK_THAT(result.out, Catch::Contains("[0] end\n") && Catch::Contains("[1] end\n"));
}

TEST_CASE("A terminal stopped by Ctrl-S for longer than --silence does no harm either") {
  const TwoHosts two;
  Subprocess launcher(
      CommandLine(two.Flags("4"), "echo ready; sleep 1; " + kManyLines + "sleep 11; echo end"),
      /*terminal=*/true);
  REQUIRE(launcher.WaitForOutput("[0] ready"));
  REQUIRE(launcher.WaitForOutput("[1] ready"));
  const std::string descriptors = fmt::format("/proc/{}/", launcher.pid());
  const int terminal = open((descriptors + "fd/1").c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(terminal >= 0);
  REQUIRE(tcflow(terminal, TCOOFF) == 0);
  SleepSeconds(10);
  // Others write to this terminal too.
  CHECK_FALSE(NeverWaits(ReadAll(descriptors + "fdinfo/1")));
  REQUIRE(tcflow(terminal, TCOON) == 0);
  close(terminal);
  const ProcessResult result = launcher.Wait();
  CHECK(result.status == 0);
  CHECK(result.err == "");
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') == 2 * 3002);
}

TEST_CASE("Workers wait with more output than is kept for a reader, and none of it is lost") {
  const TempFile done("");
  std::remove(done.path().c_str());
  constexpr int kBytes = 96 << 20;
  const ProcessResult result = RunProcess(
      {"/bin/sh", "-c",
       fmt::format("{} --workers 1 --no-prefix -- sh -c 'head -c {} /dev/zero; touch {}' | {{ "
                   "sleep 5; [ -e {} ] && echo early; wc -c; }}",
                   kLauncher, kBytes, done.path(), done.path())});
  CHECK(result.out == fmt::format("{}\n", kBytes));
  CHECK(result.err == "");
  CHECK(Exists(done.path()));
}

TEST_CASE("What workers have said before they end is not lost while nobody reads") {
  // The first one fills all there is, so that the words of the others stay in their pipes.
  const ProcessResult result = RunProcess(
      {"/bin/sh", "-c",
       kLauncher +
           " --workers 8 -- sh -c '[ $RANK = 0 ] && { yes $(printf %0900d 0) & sleep 7; kill $!; "
           "exit 0; }; sleep 4; yes \"last $(printf %090d 0)\" | head -n 600' | { sleep 12; grep "
           "-c "
           "\"] last\"; }"});
  CHECK(result.out == "4200\n");
}

TEST_CASE("While the launcher is stopped the workers go on, and it takes that up again") {
  const TwoHosts two;
  const TempFile go(""), done("");
  for (const TempFile* file : {&go, &done}) std::remove(file->path().c_str());
  Subprocess launcher(CommandLine(
      two.Flags("100"), fmt::format("echo ready; until [ -e {} ]; do sleep 0.02; done; {} [ $RANK "
                                    "= 0 ] && touch {}; echo end",
                                    go.path(), kManyLines, done.path())));
  REQUIRE(launcher.WaitForOutput("[0] ready"));
  REQUIRE(launcher.WaitForOutput("[1] ready"));
  launcher.Signal(SIGSTOP);
  std::ofstream(go.path()) << "go";
  CHECK(Within(60, [&] { return Exists(done.path()); }));
  SleepSeconds(2);
  launcher.Signal(SIGCONT);
  const ProcessResult result = launcher.Wait();
  CHECK(result.status == 0);
  CHECK(result.err == "");
  CHECK(std::count(result.out.begin(), result.out.end(), '\n') == 2 * 3002);
}

TEST_CASE(
    "A launcher that is stopped for longer than --silence finds its job ended, and says why") {
  const TwoHosts two;
  const std::string seconds = UniqueSeconds();
  Subprocess launcher(CommandLine(two.Flags("5"), "echo ready; exec sleep " + seconds));
  REQUIRE(launcher.WaitForOutput("[0] ready"));
  REQUIRE(launcher.WaitForOutput("[1] ready"));
  SleepSeconds(10);  // as long as it runs it is heard
  CHECK(CountProcesses(seconds) == 2);
  launcher.Signal(SIGSTOP);
  CHECK(Within(60, [&] { return CountProcesses(seconds) == 0; }));
  launcher.Signal(SIGCONT);
  const ProcessResult result = launcher.Wait();
  CHECK(result.status == 255);
  CHECK_THAT(result.err,
             Catch::Contains("error: [tools/launch] worker ") &&
                 Catch::Contains("of 2 was lost with the connection to host '") &&
                 Catch::Contains("': error: [tools/launch] nothing was heard of the launcher for 5 "
                                 "s: it was stopped, or its host cut off; --silence SECONDS allows "
                                 "more\n"));
}

TEST_CASE("A connection that is closed ends workers on other hosts at once, whatever --silence") {
  const TwoHosts two;
  const std::string seconds = UniqueSeconds();
  Subprocess launcher(CommandLine(two.Flags("100000"), "echo ready; exec sleep " + seconds));
  REQUIRE(launcher.WaitForOutput("[0] ready"));
  REQUIRE(launcher.WaitForOutput("[1] ready"));
  launcher.Signal(SIGKILL);
  CHECK(Within(60, [&] { return CountProcesses(seconds) == 0; }));
}

// A pipe with a name, and its end for reading, which never waits.
class NamedPipe {
 public:
  NamedPipe() {
    std::remove(file_.path().c_str());
    REQUIRE(mkfifo(path().c_str(), 0600) == 0);
    reader_ = open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(reader_ >= 0);
  }
  ~NamedPipe() { close(reader_); }
  NamedPipe(const NamedPipe&) = delete;
  NamedPipe& operator=(const NamedPipe&) = delete;

  const std::string& path() const { return file_.path(); }
  void Read() {
    char bytes[64 << 10];
    (void)!read(reader_, bytes, sizeof(bytes));
  }

 private:
  const TempFile file_{""};
  int reader_ = -1;
};

TEST_CASE("Once all workers have ended, a signal gives up the output that nobody takes") {
  // Some that is kept for a reader, and so much that the workers wait.
  const auto [script, seconds] = GENERATE(
      table<std::string, double>({{"head -c 500000 /dev/zero", 1}, {"yes | head -c 60000000", 4}}));
  const NamedPipe pipe;
  CAPTURE(script);
  Subprocess launcher({"/bin/sh", "-c",
                       fmt::format("exec {} --workers 2 -- sh -c '{}; exit $1' sh > {}", kLauncher,
                                   script, pipe.path())});
  const std::string stat = fmt::format("/proc/{}/stat", launcher.pid());
  SleepSeconds(seconds);
  CHECK(ReadAll(stat).find(") Z ") == std::string::npos);  // it waits for its reader
  // The first ones may still find workers.
  CHECK(Within(60, [&] {
    launcher.Signal(SIGTERM);
    SleepSeconds(0.1);
    return ReadAll(stat).find(") Z ") != std::string::npos;
  }));
  CHECK(launcher.Wait().status == 128 + SIGTERM);
}

TEST_CASE("Workers that always have words to say do not keep another one from its own") {
  NamedPipe pipe;
  const TempFile done("");
  std::remove(done.path().c_str());
  // The last one begins when all that is kept for a reader is full, and writes more than a pipe
  // takes. In the time for which a full agent pauses, the reader takes less than the others have.
  Subprocess launcher(
      {"/bin/sh", "-c",
       fmt::format("exec {} --workers 8 --no-prefix -- sh -c '[ $RANK = 7 ] || exec yes; sleep 3; "
                   "head -c 400000 /dev/zero; touch {}; exec sleep 1000' > {}",
                   kLauncher, done.path(), pipe.path())});
  SleepSeconds(3);
  CHECK(Within(60, [&] {
    pipe.Read();
    SleepSeconds(0.02);
    return Exists(done.path());
  }));
  for (int i = 0; i < 2; ++i) {
    launcher.Signal(SIGINT);
    SleepSeconds(0.5);
  }
  CHECK(launcher.Wait().status == 128 + SIGINT);
}

TEST_CASE("The streams of launcher and agents are left as they are, since others share them") {
  const TwoHosts two;
  const ProcessResult result =
      RunProcess(CommandLine(two.Flags("100"), "cat /proc/$PPID/fdinfo/1"));
  CHECK(result.status == 0);
  CHECK_FALSE(NeverWaits(result.out));
}

TEST_CASE("Output that cannot be written ends the job, and is the cause") {
  const ProcessResult result = RunProcess(
      {"/bin/sh", "-c",
       kLauncher + " --workers 2 --timeout 0.1 -- sh -c 'echo a; exec sleep 1000' > /dev/full"});
  CHECK(result.status == 1);
  CHECK(result.err ==
        "error: [tools/launch] cannot write what the workers say to standard output: No space left "
        "on device; send it to a place that can take it\n");
}

TEST_CASE("An agent that takes no orders does not stop the launcher from ending") {
  const TempFile hosts("alpha\n");
  // It greets, names port 1, says "ready" for worker 0, and never reads.
  const TempFile ssh(SilentAgent({{MessageKind::kHello, 1}, {MessageKind::kOut, 0, "ready\n"}}),
                     /*executable=*/true);
  setenv("CONVOY_TEST_VALUE", std::string(120000, 'x').c_str(), 1);  // more than a pipe takes
  Subprocess launcher(CommandLine({"--hosts", hosts.path(), "--ssh", ssh.path()}, "true"));
  unsetenv("CONVOY_TEST_VALUE");
  REQUIRE(launcher.WaitForOutput("[0] ready"));
  launcher.Signal(SIGINT);
  SleepSeconds(0.5);
  launcher.Signal(SIGINT);
  CHECK(launcher.Wait().status == 128 + SIGINT);
}

}  // namespace
}  // namespace convoy::launcher
