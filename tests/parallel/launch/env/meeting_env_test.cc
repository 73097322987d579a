// Where processes meet by what a user writes; Slurm's lists.
#include "parallel/launch/env/meeting_env.h"

#include <catch2/catch.hpp>
#include <string>

#include "core/base/error.h"
#include "parallel/launch/env/slurm.h"

namespace convoy {
namespace {

using Kind = rendezvous::MeetingPlace::Kind;

rendezvous::MeetingPlace Read(const EnvMap& variables, launch::JobShape job = {.size = 4}) {
  EnvReader env(variables);
  return launch::ReadMeetingPlace(job, env);
}

const std::string kSecret = "0123456789abcdef";

TEST_CASE("CONVOY_RENDEZVOUS names an address, a file or a name") {
  const rendezvous::MeetingPlace address =
      Read({{"CONVOY_RENDEZVOUS", "tcp://node-1.lan:29500"}, {"CONVOY_SECRET", kSecret}});
  CHECK(address.kind == Kind::kAddress);
  CHECK(address.host == "node-1.lan");
  CHECK(address.port == 29500);
  CHECK(address.secret == kSecret);
  const rendezvous::MeetingPlace v6 =
      Read({{"CONVOY_RENDEZVOUS", "tcp://[fe80::1]:1"}, {"CONVOY_SECRET", kSecret}});
  CHECK(v6.host == "fe80::1");
  CHECK(v6.port == 1);
  const rendezvous::MeetingPlace file = Read({{"CONVOY_RENDEZVOUS", "file:/nfs/a b/job"}});
  CHECK(file.kind == Kind::kFile);
  CHECK(file.name == "/nfs/a b/job");
  const rendezvous::MeetingPlace local = Read({{"CONVOY_RENDEZVOUS", "local:my.job-1_x"}});
  CHECK(local.kind == Kind::kLocal);
  CHECK(local.name == "my.job-1_x");
}

TEST_CASE("MASTER_ADDR may have an IPv6 address in brackets") {
  for (const char* address : {"fe80::1", "[fe80::1]"}) {
    const rendezvous::MeetingPlace v6 =
        Read({{"MASTER_ADDR", address}, {"MASTER_PORT", "29511"}, {"CONVOY_SECRET", kSecret}});
    CHECK(v6.host == "fe80::1");
    CHECK(v6.port == 29511);
  }
  const launch::JobShape here{
      .size = 2, .local_size = 2, .name = [] { return std::string("job"); }};
  for (const char* loopback : {"::1", "[::1]"}) {
    CHECK(Read({{"MASTER_ADDR", loopback}}, here).kind == Kind::kLocal);
  }
  CHECK_THROWS_WITH(Read({{"MASTER_ADDR", "[::1"}}), Catch::Contains("got '[::1'; set it to what"));
}

TEST_CASE("CONVOY_RENDEZVOUS goes before MASTER_ADDR") {
  CHECK(Read({{"CONVOY_RENDEZVOUS", "local:a"}, {"MASTER_ADDR", "box"}}).name == "a");
}

TEST_CASE("CONVOY_RENDEZVOUS that cannot be read") {
  const auto check = [](const std::string& text, const std::string& message) {
    INFO(text);
    CHECK_THROWS_WITH(
        Read({{"CONVOY_RENDEZVOUS", text}, {"CONVOY_SECRET", kSecret}}),
        Catch::StartsWith("[Launch] CONVOY_RENDEZVOUS: expected " + message) &&
            Catch::Contains("got '" + text + "'") &&
            Catch::EndsWith("; use tcp://HOST:PORT (rank 0's machine and a free port of it), "
                            "file:PATH (a file that all hosts see) or local:NAME (all on one "
                            "machine)"));
  };
  const std::string form = "tcp://HOST:PORT, file:PATH or local:NAME";
  const std::string host = "a host's name or address (IPv6 in brackets) after tcp://";
  const std::string port = "a port from 1 to 65535 after the host";
  const std::string path = "an absolute path of at most 4096 characters after file:";
  const std::string name = "1 to 64 letters, digits, '.', '_' or '-' after local:";
  check("box:29500", form);
  check("http://box:29500", form);
  check("TCP://box:1", form);
  check("tcp:box:1", form);
  check("tcp://", host);
  check("tcp://:1", host);
  check("tcp://a b:1", host);
  check("tcp://fe80::1:29500", host);
  check("tcp://[fe80::1:29500", host);
  check("tcp://" + std::string(256, 'a') + ":1", host);
  check("tcp://box", port);
  check("tcp://box:", port);
  check("tcp://box:0", port);
  check("tcp://box:65536", port);
  check("tcp://box:-1", port);
  check("tcp://box:http", port);
  check("tcp://box:1/", port);
  check("file:", path);
  check("file:job", path);
  check("file:/" + std::string(4096, 'a'), path);
  check("local:", name);
  check("local:a/b", name);
  check("local:a b", name);
  check("local:" + std::string(65, 'a'), name);
}

TEST_CASE("A local name does not do for several hosts") {
  CHECK_THROWS_WITH(
      Read({{"CONVOY_RENDEZVOUS", "local:a"}}, {.size = 4, .local_size = 2}),
      Catch::StartsWith(
          "[Launch] CONVOY_RENDEZVOUS: expected an address or a file that all hosts "
          "reach, as only 2 of the 4 processes are on this machine, got 'local:a'; "));
  CHECK_THROWS_WITH(Read({{"MASTER_ADDR", "127.0.0.1"}}, {.size = 4, .local_size = 2}),
                    "[Launch] MASTER_ADDR: expected an address that all hosts reach, as only 2 of "
                    "the 4 processes are on this machine, got '127.0.0.1'; set it to what "
                    "`hostname` says on rank 0's machine");
}

TEST_CASE("MASTER_ADDR, MASTER_PORT and CONVOY_SECRET that cannot be so") {
  CHECK_THROWS_WITH(Read({{"MASTER_ADDR", "a b"}}),
                    "[Launch] MASTER_ADDR: expected the name or address of rank 0's machine, got "
                    "'a b'; set it to what `hostname` says there");
  for (const char* port : {"0", "65536", "-1", "x", "29500 "}) {
    CHECK_THROWS_WITH(Read({{"MASTER_ADDR", "box"}, {"MASTER_PORT", port}}),
                      "[Launch] MASTER_PORT: expected a whole number from 1 to 65535, got '" +
                          std::string(port) +
                          "'; give all processes the same port, one that is free on rank 0's "
                          "machine");
  }
  CHECK_THROWS_WITH(Read({{"MASTER_ADDR", "box"}, {"CONVOY_SECRET", "123456789012345"}}),
                    "[Launch] CONVOY_SECRET: expected 16 to 4096 characters, got 15; export "
                    "CONVOY_SECRET=$(openssl rand -hex 32), the same for all processes");
  CHECK_THROWS_WITH(Read({{"CONVOY_SECRET", std::string(4097, 'x')}}),
                    Catch::Contains("expected 16 to 4096 characters, got 4097; export"));
  CHECK_THROWS_WITH(Read({{"CONVOY_RENDEZVOUS", "tcp://box:1"}}),
                    Catch::Contains("when they meet at box:1, got none; draw one with"));
}

TEST_CASE("A message that lists the variables leaves the secret out") {
  CHECK_THROWS_WITH(Read({{"CONVOY_SECRET", kSecret}, {"MASTER_PORT", "29511"}}),
                    Catch::EndsWith("; read: MASTER_PORT=29511"));
}

TEST_CASE("A job's own name is cut to what fits, and stays its own") {
  const auto name_of = [](const std::string& name) {
    return Read({}, {.size = 2, .local_size = 2, .name = [&] { return name; }}).name;
  };
  CHECK(name_of("slurm-12-0") == "slurm-12-0");
  CHECK(name_of("a b/c@d") == "a_b_c_d");
  const std::string base(80, 'a');
  CHECK(name_of(base + "1").size() == 64);
  CHECK(name_of(base + "1") == name_of(base + "1"));
  CHECK(name_of(base + "1") != name_of(base + "2"));
}

TEST_CASE("The first host of Slurm's list of nodes") {
  const auto first = [](std::string_view list) { return launch::FirstSlurmHost(list, "LIST"); };
  CHECK(first("node1") == "node1");
  CHECK(first("node1,node2") == "node1");
  CHECK(first("host[5-9,12],other1") == "host5");
  CHECK(first("n[007-010]") == "n007");
  CHECK(first("n[12]") == "n12");
  CHECK(first("login,n[1-2]") == "login");
  CHECK(first("rack[0-1]node[03,07]-ib,x") == "rack0node03-ib");
  const auto check = [&](std::string_view list, const std::string& expected) {
    CHECK_THROWS_WITH(first(list), Catch::StartsWith("[Launch] LIST: expected " + expected));
  };
  check("", "a host's name");
  check(",a", "a host's name");
  check("n[1-2", "']' after '['");
  check("n1]", "'[' before ']'");
  check("n[]", "numbers between '[' and ']'");
  check("n[a-b]", "numbers between '[' and ']'");
  check("n[[1]]", "numbers between '[' and ']'");
}

TEST_CASE("Slurm's tasks per node") {
  const auto tasks = [](std::string_view list, int node) {
    return launch::SlurmTasksOnNode(list, node, "LIST");
  };
  CHECK(tasks("8", 0) == 8);
  CHECK(tasks("4(x2),3", 0) == 4);
  CHECK(tasks("4(x2),3", 1) == 4);
  CHECK(tasks("4(x2),3", 2) == 3);
  CHECK_THROWS_WITH(tasks("4(x2),3", 3), Catch::Contains("up to SLURM_NODEID=3, got '4(x2),3'"));
  for (const char* list : {"x", "4(x2", "4(x)", "(x2)", "-4", "4,,3", "4 (x2)", "99999999999"}) {
    INFO(list);
    CHECK_THROWS_WITH(tasks(list, 1), Catch::StartsWith("[Launch] LIST: expected counts of tasks"));
  }
}

TEST_CASE("Slurm's port") {
  CHECK(launch::SlurmPort("7") == 15007);
  CHECK(launch::SlurmPort("1239999") == 24999);
  CHECK(launch::SlurmPort("20000") == 15000);
}

}  // namespace
}  // namespace convoy
