// What tools/launch tells the workers of a job by variables.
#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "tools/launcher/job_variables.h"

namespace convoy::launcher {
namespace {

std::map<std::string, std::string> Variables(const JobFacts& job) {
  std::map<std::string, std::string> variables;
  for (const std::string& text : JobVariables(job)) {
    const size_t equals = text.find('=');
    REQUIRE(equals != std::string::npos);
    variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return variables;
}

TEST_CASE("On one host workers meet under a name of their own") {
  const JobFacts job{.workers = 3, .hosts = 1, .port = 29500};
  auto variables = Variables(job);
  CHECK(variables["WORLD_SIZE"] == "3");
  CHECK(variables["MASTER_ADDR"] == "127.0.0.1");
  CHECK(variables["MASTER_PORT"] == "29500");
  CHECK(variables["CONVOY_LAUNCHER"] == "tools/launch");
  CHECK_THAT(variables["CONVOY_RENDEZVOUS"], Catch::StartsWith("local:launch-"));
  CHECK(variables["CONVOY_RENDEZVOUS"] != Variables(job)["CONVOY_RENDEZVOUS"]);
  CHECK(variables.count("CONVOY_SECRET") == 0);
}

TEST_CASE("Several hosts meet at the first one's address, without its user, and share a secret") {
  const auto of = [](const std::string& host) {
    return Variables({.workers = 5, .hosts = 2, .first_host = host, .port = 4242});
  };
  for (const std::string host : {"node-1.lan", "user@node-1.lan"}) {
    CAPTURE(host);
    auto variables = of(host);
    CHECK(variables["WORLD_SIZE"] == "5");
    CHECK(variables["MASTER_ADDR"] == "node-1.lan");
    CHECK(variables["MASTER_PORT"] == "4242");
    CHECK(variables["CONVOY_RENDEZVOUS"] == "tcp://node-1.lan:4242");
  }
  auto v6 = of("user@fe80::1");
  CHECK(v6["MASTER_ADDR"] == "fe80::1");
  CHECK(v6["CONVOY_RENDEZVOUS"] == "tcp://[fe80::1]:4242");
  // 32 bytes in hexadecimal digits, drawn anew for each job.
  CHECK(v6["CONVOY_SECRET"].size() == 64);
  CHECK(v6["CONVOY_SECRET"].find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(v6["CONVOY_SECRET"] != of("user@fe80::1")["CONVOY_SECRET"]);
}

}  // namespace
}  // namespace convoy::launcher
