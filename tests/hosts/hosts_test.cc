// The trainers on several hosts, over a network that can be cut.
#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/models/trainers/trainer_fixture.h"

namespace convoy {
namespace {

class HostsFixture : public TrainerFixture {
 public:
  HostsFixture() { folder().Write("hosts", "10.77.0.1 slots=2\n10.77.0.2 slots=2\n"); }

  /// Runs `script` between the two hosts, with the trainer's command line as "$@". It finds
  ///   on HOST COMMAND... run it on a host that is called by its name
  ///   launch [FLAG]...   start two workers on each host with tools/launch
  ///   bare [FLAG]...     start them with nothing but variables. They meet where CONVOY_RENDEZVOUS
  ///                      or MASTER_ADDR says, else on the first host; `reached` may hold each
  ///                      host's CONVOY_HOST
  ///   both               give node1 an IPv6 address too, which its own name has there as well
  ///   apart              leave the hosts only their addresses of --nat to reach each other
  ///   cut                cut the link as soon as a step is done, as the file `out` says
  ///   end                wait for job $!; print its status, how long that took since the cut, and
  ///                      which processes are left
  static ProcessResult Between(const TemporaryFolder& folder, const std::string& script,
                               const Arguments& command, const Arguments& flags = {}) {
    static const std::string functions = R"(
      on() {
        ip netns exec "$1" unshare --uts bash -c \
          'hostname "${1//:/-}" && shift && exec "$@"' bash "$@"
      }
      launch() {
        # Variables do not come along with ssh.
        tools/launcher/launcher --hosts "$folder/hosts" \
          --ssh "env -i PATH=$PATH ip netns exec" -- "$@"
      }
      bare() {
        local hosts rank jobs=() status=0
        mapfile -t hosts <"$folder/hosts"
        export WORLD_SIZE=4 CONVOY_SECRET=a-secret-of-sixteen-characters-or-more
        [[ -v CONVOY_RENDEZVOUS || -v MASTER_ADDR ]] || export MASTER_ADDR=${hosts[0]% *}
        for rank in 3 2 1 0; do
          RANK=$rank CONVOY_HOST=${reached[rank / 2]:-} on "${hosts[rank / 2]% *}" "$@" &
          jobs+=($!)
        done
        for job in "${jobs[@]}"; do wait "$job" && ((++status)); done
        ((status == 4)) || { echo "$status of 4 ended with 0"; return 1; }
      }
      both() {
        ip -n node1 addr add fd77::1/64 dev eth0 nodad
        printf '%s\n' '127.0.0.1 localhost' 'fd77::1 node1' '10.77.0.1 node1' \
          >/etc/netns/node1/hosts
      }
      apart() {
        local i
        for i in 1 2; do ip -n switch link set "port$i" type bridge_slave isolated on; done
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
    const Arguments words{"bash", "-c", "folder=$1; shift; " + functions + script, "bash",
                          folder.path()};
    return RunProcess(Joined(Joined({"tests/hosts/hosts"}, flags), Joined(words, command)));
  }

  static Arguments Sgd() {
    return {"--optimizer", "sgd",      "--lr", "0.1",     "--decay",
            "constant",    "--warmup", "0",    "--steps", "10"};
  }
};

bool HaveHosts(const Arguments& flags = {}) {
  const ProcessResult result = RunProcess(Joined(Joined({"tests/hosts/hosts"}, flags), {"true"}));
  if (result.status != 0) std::fputs(result.out.c_str(), stdout);
  return result.status == 0;
}

TEST_CASE_METHOD(HostsFixture, "Two workers on each of two hosts train as one worker does") {
  if (!HaveHosts()) return;
  for (const Program& program : Programs()) {
    Run(program, "one", Joined(Sgd(), {"--workers", "1"}));
    Run(program, "threads", Joined(Sgd(), {"--workers", "4"}));
    for (const char* how : {"launch", "bare"}) {
      CAPTURE(program.name, how);
      const ProcessResult result =
          Between(folder(), std::string(how) + " \"$@\"",
                  Command(program, Joined(Sgd(), {"--threads", "1", "--save", Saved("hosts")})));
      INFO(result.out << result.err);
      REQUIRE(result.status == 0);
      CHECK(Difference(Saved("one"), Saved("hosts")) < 1e-5);
      CHECK(Content(Saved("threads")) == Content(Saved("hosts")));
      std::remove(Saved("hosts").c_str());
    }
  }
}

// What a host's network may be like, and a job over it.
struct World {
  Arguments flags;
  std::string hosts;
  std::string script;
};

constexpr const char* kNumbers = "10.77.0.1 slots=2\n10.77.0.2 slots=2\n";
constexpr const char* kNumbers6 = "fd77::1 slots=2\nfd77::2 slots=2\n";
constexpr const char* kNames = "node1 slots=2\nnode2 slots=2\n";

TEST_CASE_METHOD(HostsFixture, "Hosts of unfriendly networks train as one worker does") {
  const Program program = Programs()[1];
  Run(program, "one", Joined(Sgd(), {"--workers", "1"}));
  Run(program, "threads", Joined(Sgd(), {"--workers", "4"}));
  const auto train = [&](const World& world) {
    CAPTURE(world.flags, world.script);
    if (!HaveHosts(world.flags)) return;
    folder().Write("hosts", world.hosts);
    const ProcessResult result = Between(
        folder(), world.script + " \"$@\"",
        Command(program, Joined(Sgd(), {"--threads", "1", "--save", Saved("hosts")})), world.flags);
    INFO(result.out << result.err);
    REQUIRE(result.status == 0);
    CHECK(Difference(Saved("one"), Saved("hosts")) < 1e-5);
    CHECK(Content(Saved("threads")) == Content(Saved("hosts")));
    std::remove(Saved("hosts").c_str());
  };
  SECTION("a host's own name is a loopback address there, and nowhere else") {
    for (const char* script : {"launch", "bare", "CONVOY_RENDEZVOUS=tcp://node1:29511 bare",
                               "CONVOY_RENDEZVOUS=file:$folder/meet bare",
                               "reached=(node1 node2); bare", "CONVOY_HOST=node1 launch"}) {
      train({{"--names"}, kNames, script});
    }
  }
  SECTION("a host's own name is more addresses there than others reach") {
    for (const char* script : {"both; launch", "both; bare"}) train({{"--names"}, kNames, script});
  }
  SECTION("no IPv4") {
    for (const char* script :
         {"launch", "bare", "CONVOY_RENDEZVOUS=tcp://[fd77::1]:29511 bare",
          "reached=(fd77::1 fd77::2); CONVOY_RENDEZVOUS=file:$folder/meet bare"}) {
      train({{"--ipv6"}, kNumbers6, script});
    }
    train({{"--ipv6", "--names"}, kNames, "launch"});
    train({{"--ipv6", "--names"}, kNames, "CONVOY_RENDEZVOUS=file:$folder/meet bare"});
  }
  SECTION("worker 0's address is that of a service") {
    for (const char* script :
         {"MASTER_ADDR=10.88.0.1 bare", "CONVOY_RENDEZVOUS=tcp://10.88.0.1:29511 bare",
          "reached=(10.77.0.1 10.77.0.2); MASTER_ADDR=10.88.0.1 bare",
          "apart; reached=(10.88.0.1 10.88.0.2); MASTER_ADDR=10.88.0.1 bare",
          "apart; reached=(10.88.0.1 10.88.0.2); CONVOY_RENDEZVOUS=file:$folder/meet bare"}) {
      train({{"--nat"}, kNumbers, script});
    }
  }
}

TEST_CASE_METHOD(HostsFixture, "Where hosts cannot reach each other, the error names the way out") {
  struct Row {
    World world;
    const char* timeout;  // short where the job waits for it
    Arguments messages;
  };
  for (const Row& row : std::vector<Row>{
           {{{"--names"}, kNames, "reached=(127.0.0.1 127.0.0.1); bare"},
            "60",
            {"[Launch] expected an address at which the workers of other machines reach this one, "
             "got 127.0.0.1, which is each machine's name for itself; set CONVOY_HOST to an "
             "address of this machine, or MASTER_ADDR to one of worker 0's that all machines reach "
             "without a detour\n"}},
           {{{"--names"}, kNames, "reached=('' localhost); bare"},
            "60",
            {"[Launch] expected an address at which the workers of other machines reach this one, "
             "got localhost, which is"}},
           {{{"--names"}, kNames, "reached=(node1 node7); bare"},
            "60",
            {"[Launch] CONVOY_HOST: expected the name or address at which the other hosts reach "
             "this machine, got 'node7', a name that this machine does not know itself; give the "
             "address\n"}},
           {{{"--names"}, kNames, "MASTER_ADDR=localhost bare"},
            "4",
            {"[Store] cannot reach worker 0 at localhost:29500 within 4 s (connection refused); is "
             "it running, and is the address right?\n"}},
           {{{"--ipv6"}, kNumbers6, "CONVOY_RENDEZVOUS=file:$folder/meet bare"},
            "4",
            {"[Meet] worker 3 of 4 has not found worker 0 through the file '",
             ": connection refused; that is each machine's name for itself: set CONVOY_HOST for "
             "worker 0 to an address of its machine); is it running?\n"}},
           {{{"--nat"}, kNumbers, "apart; MASTER_ADDR=10.88.0.1 bare"},
            "6",
            {"[Gloo] cannot connect the workers: not all workers have within ",
             " machine at 10.77.0.1, set CONVOY_HOST for it"}}}) {
    CAPTURE(row.world.script);
    if (!HaveHosts(row.world.flags)) continue;
    folder().Write("hosts", row.world.hosts);
    const ProcessResult result = Between(
        folder(), row.world.script + " \"$@\"",
        Command(Programs()[1], {"--threads", "1", "--timeout", row.timeout, "--steps", "5"}),
        row.world.flags);
    CHECK(result.status == 1);
    for (const std::string& message : row.messages) {
      CHECK_THAT(result.err, Catch::Contains(message));
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

TEST_CASE_METHOD(HostsFixture, "Four hosts with shaped links train as one worker does") {
  const Arguments shaped{"--hosts", "4", "--rate", "200mbit"};
  if (!HaveHosts(shaped)) return;
  const Program program = Programs()[1];
  Run(program, "threads", Joined(Sgd(), {"--workers", "4"}));
  folder().Write("four", "10.77.0.1\n10.77.0.2\n10.77.0.3\n10.77.0.4\n");
  const ProcessResult result = RunProcess(Joined(
      Joined({"tests/hosts/hosts"}, shaped),
      Joined(
          {"tools/launcher/launcher", "--hosts", folder() / "four", "--ssh", "ip netns exec", "--"},
          Command(program, Joined(Sgd(), {"--threads", "1", "--save", Saved("hosts")})))));
  INFO(result.out << result.err);
  REQUIRE(result.status == 0);
  CHECK(Content(Saved("threads")) == Content(Saved("hosts")));
}

TEST_CASE("Both ends of every host's link are shaped, and the command's status is the script's") {
  if (!HaveHosts({"--rate", "10mbit"})) return;
  const ProcessResult result = RunProcess(
      {"tests/hosts/hosts", "--hosts", "3", "--rate", "10mbit", "bash", "-c",
       "for name in switch 10.77.0.1 10.77.0.2 10.77.0.3; do tc -n $name qdisc; done; exit 5"});
  INFO(result.out << result.err);
  CHECK(result.status == 5);
  size_t links = 0;
  for (const char* name : {"port1", "port2", "port3", "eth0"}) {
    const std::string device = std::string("dev ") + name + " root";
    for (size_t at = 0; (at = result.out.find(device, at)) != std::string::npos; ++at) {
      const std::string line = result.out.substr(at, result.out.find('\n', at) - at);
      CHECK_THAT(line, Catch::Contains("rate 10Mbit"));
      ++links;
    }
  }
  CHECK(links == 6);
}

TEST_CASE("Flags that make no sense are refused before anything is made") {
  struct Row {
    Arguments arguments;
    const char* message;
  };
  for (const Row& row : std::vector<Row>{
           {{}, "there is no command"},
           {{"--hosts", "3"}, "there is no command"},
           {{"--hosts"}, "--hosts wants a number from 1 to 99, got ''"},
           {{"--hosts", "0", "true"}, "--hosts wants a number from 1 to 99, got '0'"},
           {{"--hosts", "100", "true"}, "--hosts wants a number from 1 to 99, got '100'"},
           {{"--rate", "fast", "true"}, "--rate wants a rate such as 100mbit or 1gbit, got 'fast'"},
           {{"--rate", "100", "true"}, "--rate wants a rate such as 100mbit or 1gbit, got '100'"},
           {{"--nat", "--ipv6", "true"}, "--nat goes with neither --names nor --ipv6"},
           {{"--delay", "1ms", "true"}, "unknown argument '--delay'"}}) {
    const ProcessResult result = RunProcess(Joined({"tests/hosts/hosts"}, row.arguments));
    CAPTURE(row.message, result.out, result.err);
    CHECK(result.status == 2);
    CHECK(result.err == std::string("hosts: ") + row.message + " (see hosts --help)\n");
  }
}

}  // namespace
}  // namespace convoy
