// Links files: what they say, and what is refused, with line and reason.
#include "tools/scaling/model/links.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "core/base/error.h"
#include "tests/models/data/temporary_folder.h"
#include "tools/scaling/model/allreduce_model.h"

namespace convoy::scaling {
namespace {

constexpr const char* kGood = R"(name = "two levels"
source = "a test"
[[level]]
name = "inside"
members = 4
bandwidth_gb_per_s = 100
latency_us = 3
[[level]]
name = "across"
members = 8
bandwidth_gb_per_s = 10
latency_us = 14
[[algorithm]]
name = "ring"
base_us = 8.4
[[algorithm]]
name = "nvls"
latency_us = [1]
)";

// kGood with one line replaced, or left out.
std::string With(int line, const std::string& replacement) {
  std::string text = kGood;
  size_t begin = 0;
  for (int i = 1; i < line; ++i) begin = text.find('\n', begin) + 1;
  text.replace(begin, text.find('\n', begin) - begin, replacement);
  return text;
}

std::string ErrorOfParsing(const std::string& text) {
  try {
    ParseLinks(text, "f.toml");
  } catch (const Error& error) {
    return error.what();
  }
  return "none";
}

TEST_CASE("A links file says levels from the innermost out, and what algorithms cost") {
  const Links links = ParseLinks(kGood, "f.toml");
  CHECK(links.name == "two levels");
  CHECK(links.source == "a test");
  REQUIRE(links.levels.size() == 2);
  CHECK(links.levels[0].name == "inside");
  CHECK(links.levels[0].members == 4);
  CHECK(links.levels[1].gb_per_s == 10);
  CHECK(links.levels[1].latency_us == 14);
  REQUIRE(links.algorithms.size() == 2);
  CHECK(links.algorithms[0].algorithm == Algorithm::kRing);
  CHECK(links.algorithms[0].base_us == 8.4);
  CHECK(links.algorithms[0].latency_us == std::vector<double>{3, 14});
  CHECK(links.algorithms[0].gb_per_s == std::vector<double>{100, 10});
  // It reaches one level, at that level's bandwidth.
  CHECK(links.algorithms[1].latency_us == std::vector<double>{1});
  CHECK(links.algorithms[1].gb_per_s == std::vector<double>{100});
  CHECK(ErrorOfParsing(kGood) == "none");
}

TEST_CASE("Workers fill the levels from the innermost out") {
  const Links links = ParseLinks(kGood, "f.toml");
  CHECK(links.Split(1) == std::vector<int>{1, 1});
  CHECK(links.Split(3) == std::vector<int>{3, 1});
  CHECK(links.Split(4) == std::vector<int>{4, 1});
  CHECK(links.Split(12) == std::vector<int>{4, 3});
  CHECK(links.Split(32) == std::vector<int>{4, 8});
  CHECK_THROWS_WITH(links.Split(6),
                    "[links] f.toml:3: 6 workers do not fill whole groups of level 'inside', which "
                    "joins 4 members");
  CHECK_THROWS_WITH(links.Split(64),
                    "[links] f.toml:8: 64 workers are more than the outermost level 'across' joins "
                    "(8 members); add a [[level]] beyond it");
  CHECK_THROWS_WITH(links.Split(0), "[links] the number of workers must be at least 1, got 0");
}

TEST_CASE("Wrong links files are refused with line and reason") {
  const struct {
    std::string text, message;
  } rows[] = {
      {With(1, ""), "[links] f.toml: the key 'name' is missing"},
      {With(1, "name = 3"), "[links] f.toml:1: 'name' must be a text in quotes, got 3"},
      {With(1, "name = \"\""),
       "[links] f.toml:1: 'name' must be a text in quotes, got the string ''"},
      {With(2, ""), "[links] f.toml: the key 'source' is missing"},
      {With(2, "source = \"a\"\nspeed = 3"),
       "[links] f.toml:3: the key 'speed' is unknown; those that are known here: algorithm, level, "
       "name, source"},
      {With(2, "source = a"), "[links] f.toml:2: "},
      {With(2, "source = \"a"), "[links] f.toml:2: "},
      {"name = \"a\"\nsource = \"b\"\n",
       "[links] f.toml: there is no [[level]]; write one for every kind of link, from the "
       "innermost "
       "out"},
      {"name = \"a\"\nsource = \"b\"\nlevel = 3\n",
       "[links] f.toml:3: 'level' must be an array of tables, [[level]], got 3"},
      {"name = \"a\"\nsource = \"b\"\n[[level]]\nname = \"c\"\nbandwidth_gb_per_s = "
       "1\nlatency_us = 1\n",
       "[links] f.toml: there is no [[algorithm]]; name those that the system has"},
      {With(4, ""), "[links] f.toml:3: the key 'name' is missing"},
      {With(5, ""),
       "[links] f.toml:3: level 'inside' is not the outermost one and must say how many 'members' "
       "it "
       "joins"},
      {With(5, "members = 0"),
       "[links] f.toml:5: 'members' must be a whole number of at least 1, got 0"},
      {With(5, "members = -4"),
       "[links] f.toml:5: 'members' must be a whole number of at least 1, got -4"},
      {With(5, "members = 4.5"),
       "[links] f.toml:5: 'members' must be a whole number of at least 1, got 4.5"},
      {With(5, "members = 3000000000"),
       "[links] f.toml:5: 'members' must be a whole number from 1 to 2147483647, got 3000000000"},
      {With(6, ""), "[links] f.toml:3: the key 'bandwidth_gb_per_s' is missing"},
      {With(6, "bandwidth_gb_per_s = -100"),
       "[links] f.toml:6: 'bandwidth_gb_per_s' must be a number over 0, got -100"},
      {With(6, "bandwidth_gb_per_s = 0"),
       "[links] f.toml:6: 'bandwidth_gb_per_s' must be a number over 0, got 0"},
      {With(6, "bandwidth_gb_per_s = inf"),
       "[links] f.toml:6: 'bandwidth_gb_per_s' must be a number over 0, got inf"},
      {With(6, "bandwidth_gb_per_s = \"100\""),
       "[links] f.toml:6: 'bandwidth_gb_per_s' must be a number over 0, got the string '100'"},
      {With(7, "latency_us = 0"), "[links] f.toml:7: 'latency_us' must be a number over 0, got 0"},
      {With(7, "latency_us = nan"),
       "[links] f.toml:7: 'latency_us' must be a number over 0, got nan"},
      {With(7, "latency = 3\nlatency_us = 3"),
       "[links] f.toml:7: the key 'latency' is unknown; those that are known here: "
       "bandwidth_gb_per_s, latency_us, members, name"},
      {With(14, "name = \"star\""),
       "[links] f.toml:14: there is no algorithm 'star'; those there are: ring, tree, two-level, "
       "nvls, nvls-tree, direct, inprocess"},
      {With(14, "base_us = 1"), "[links] f.toml:15: "},
      {With(15, "base_us = -1"),
       "[links] f.toml:15: 'base_us' must be a number of at least 0, got -1"},
      {With(15, "beta_us = 1"),
       "[links] f.toml:15: the key 'beta_us' is unknown; those that are known here: "
       "bandwidth_gb_per_s, base_us, latency_us, name, sum_gb_per_s, uneven"},
      {With(17, "name = \"ring\""), "[links] f.toml:17: the algorithm 'ring' is there already"},
      {With(18, "latency_us = 3"),
       "[links] f.toml:18: 'latency_us' must be an array of numbers, got 3"},
      {With(18, "latency_us = [3, -1]"),
       "[links] f.toml:18: 'latency_us' must be an array of numbers, each of at least 0, got -1"},
      {With(18, "latency_us = [1, 2, 3]"),
       "[links] f.toml:18: 'latency_us' has 3 figures, but there are 2 levels"},
      {With(18, "latency_us = [1]\nbandwidth_gb_per_s = [10, 20]"),
       "[links] f.toml:19: 'latency_us' is for 1 levels, 'bandwidth_gb_per_s' for 2"},
      {With(18, "bandwidth_gb_per_s = [0]"),
       "[links] f.toml:18: 'bandwidth_gb_per_s' must be numbers over 0, got 0"},
  };
  for (const auto& [text, message] : rows) {
    CAPTURE(text);
    // What follows ": " in a row of its own is toml++'s.
    if (message.ends_with(": ")) {
      CHECK_THAT(ErrorOfParsing(text), Catch::StartsWith(message));
    } else {
      CHECK(ErrorOfParsing(text) == message);
    }
  }
}

TEST_CASE("Links are found by name or path") {
  const TemporaryFolder folder;
  CHECK(FindLinks(folder.Write("mine.toml", kGood)).name == "two levels");
  CHECK_THROWS_WITH(
      FindLinks("dgx"),
      "[links] 'dgx' is neither a file nor built in; built in are: dgx-a100-hdr200, "
      "dgx-h100-ndr400-sharp, dgx-h100-ndr400, dgx1-v100-100g, ethernet-100m, ethernet-10g, "
      "ethernet-1g, p100-25gbe-roce, tbf-100m, tbf-1g");
  CHECK_THROWS_WITH(FindLinks(folder.path()),
                    "[links] '" + folder.path() + "' is a folder, and a file is expected");
}

TEST_CASE("All links that are built in can be read, name a source, and reach 4,096 workers") {
  for (const std::string& name : BuiltInLinks()) {
    CAPTURE(name);
    const Links links = FindLinks(name);
    CHECK(links.source.size() > 20);
    const AllReduceModel model(links, 4096);
    CHECK(std::isfinite(model.Best(1 << 20).ms));
    CHECK(model.Best(1 << 20).ms > 0);
  }
}

TEST_CASE("An algorithm that a system does not have, or that reaches too few, is refused") {
  const Links links = ParseLinks(kGood, "f.toml");
  CHECK_THROWS_WITH(AllReduceModel(links, 8, Algorithm::kTree),
                    "[links] 'two levels' has no algorithm 'tree'; it has: ring, nvls");
  CHECK_THROWS_WITH(
      AllReduceModel(links, 8, Algorithm::kNvls),
      "[links] on 'two levels' nvls does not reach level 'across', which 8 workers need");
  CHECK_NOTHROW(AllReduceModel(links, 4, Algorithm::kNvls));
}

}  // namespace
}  // namespace convoy::scaling
