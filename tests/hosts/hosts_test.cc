// The trainers on two hosts, over a network that can be cut.
#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

class HostsFixture : public TrainerFixture {
 public:
  HostsFixture() { folder().Write("hosts", "10.77.0.1 slots=2\n10.77.0.2 slots=2\n"); }

  /// Runs `script` between the two hosts, with the trainer's command line as "$@". It finds
  ///   launch [FLAG]...  start two workers on each host with tools/launch
  ///   bare [FLAG]...    start them with nothing but variables
  ///   cut               cut the link as soon as a step is done, as the file `out` says
  ///   end               wait for job $!; print its status, how long that took since the cut, and
  ///                     which processes are left
  static ProcessResult Between(const TemporaryFolder& folder, const std::string& script,
                               const Arguments& command) {
    static const std::string functions = R"(
      launch() {
        tools/launcher/launcher --hosts "$folder/hosts" --ssh "ip netns exec" -- "$@"
      }
      bare() {
        local rank jobs=() status=0
        export WORLD_SIZE=4 CONVOY_RENDEZVOUS=tcp://10.77.0.1:29500
        export CONVOY_SECRET=a-secret-of-sixteen-characters-or-more
        for rank in 3 2 1 0; do
          RANK=$rank ip netns exec 10.77.0.$((rank / 2 + 1)) "$@" &
          jobs+=($!)
        done
        for job in "${jobs[@]}"; do wait "$job" && ((++status)); done
        ((status == 4)) || { echo "$status of 4 ended with 0"; return 1; }
      }
      cut() {
        until grep -qs ms/step "$folder/out"; do sleep 0.02; done
        ip -n 10.77.0.2 link set eth0 down
        SECONDS=0
      }
      end() {
        wait $! && echo "status 0" || echo "status $?"
        echo "seconds $SECONDS"
        for process in /proc/[0-9]*; do
          [[ $process == /proc/1 || $process == "/proc/$$" ]] || echo "left $process"
        done
      }
    )";
    Arguments words{"tests/hosts/two_hosts",
                    "bash",
                    "-c",
                    "folder=$1; shift; " + functions + script,
                    "bash",
                    folder.path()};
    return RunProcess(Joined(words, command));
  }
};

bool HaveHosts() {
  const ProcessResult result = RunProcess({"tests/hosts/two_hosts", "true"});
  if (result.status != 0) std::fputs(result.out.c_str(), stdout);
  return result.status == 0;
}

TEST_CASE_METHOD(HostsFixture, "Two workers on each of two hosts train as one worker does") {
  if (!HaveHosts()) return;
  const Arguments sgd{"--optimizer", "sgd",      "--lr", "0.1",     "--decay",
                      "constant",    "--warmup", "0",    "--steps", "10"};
  for (const Program& program : Programs()) {
    Run(program, "one", Joined(sgd, {"--workers", "1"}));
    Run(program, "threads", Joined(sgd, {"--workers", "4"}));
    for (const char* how : {"launch", "bare"}) {
      CAPTURE(program.name, how);
      const ProcessResult result =
          Between(folder(), std::string(how) + " \"$@\"",
                  Command(program, Joined(sgd, {"--threads", "1", "--save", Saved("hosts")})));
      INFO(result.out << result.err);
      REQUIRE(result.status == 0);
      CHECK(Difference(Saved("one"), Saved("hosts")) < 1e-5);
      CHECK(Content(Saved("threads")) == Content(Saved("hosts")));
      std::remove(Saved("hosts").c_str());
    }
  }
}

TEST_CASE_METHOD(HostsFixture,
                 "A link that is cut ends the job, and the report names who is away") {
  if (!HaveHosts()) return;
  for (const char* how : {"launch", "bare"}) {
    CAPTURE(how);
    const ProcessResult result =
        Between(folder(),
                "rm -f \"$folder/out\"; " + std::string(how) +  // of the run before
                    R"( "$@" >"$folder/out" 2>"$folder/err" & cut; end
                   cat "$folder/out" "$folder/err" >&2)",
                Command(Programs()[0], {"--threads", "1", "--timeout", "3", "--steps", "100000000",
                                        "--eval-every", "0", "--save", Saved("cut")}));
    INFO(result.out << result.err);
    CHECK_THAT(result.out, Catch::Contains("status 1\n") && !Catch::Contains("left "));
    CHECK_THAT(result.err, Catch::Contains("nothing was heard of workers 2, 3 for "));
    CHECK_THAT(result.err, Catch::Contains("worker 0 does not answer: its process is stopped, or "
                                           "cut off"));
    CHECK(Content(Saved("cut")).empty());
    // The deadline and five seconds; and some more, since other tests may keep the cores busy.
    const size_t at = result.out.find("seconds ");
    REQUIRE(at != std::string::npos);
    CHECK(std::stoi(result.out.substr(at + 8)) <= 3 + 5 + 5);
  }
}

}  // namespace
}  // namespace convoy
