// TOML files that are made to harm, and what stays possible.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <string>

#include "core/base/toml_file.h"
#include "tests/models/data/temporary_folder.h"
#include "tests/peak_memory.h"

namespace convoy {
namespace {

using Catch::Contains;

std::string Repeated(const std::string& text, size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST_CASE("Deep, long and endless texts are refused at a small price") {
  const TemporaryFolder folder;
  const auto refuses = [&](const char* what, const std::string& text, const std::string& why) {
    const std::string path = folder.Write("f", text);
    const Outcome outcome = RunApart([&] { TomlTable::Read(path, "links"); });
    CAPTURE(what, outcome.peak_bytes >> 20, text.size() >> 20);
    CHECK(outcome.status == 0);
    CHECK_THAT(outcome.error, Contains("[links] ") && Contains(path) && Contains(why));
    CHECK(outcome.error.size() < 2000);
    if (MeasuresMemory()) CHECK(outcome.peak_bytes <= MostForRefusing(text.size()));
  };
  constexpr size_t kDeep = 1'000'000;
  const std::string parts = Repeated("a.", kDeep) + "a";
  refuses("a dotted key", parts + " = 1", ":1: a key of too many parts, and 32 are the most");
  refuses("a table", "x = 1\n[" + parts + "]", ":2: a key of too many parts");
  refuses("tables", "[[" + parts + "]]", "a key of too many parts");
  refuses("an inline table", "a = {" + parts + " = 1}", "a key of too many parts");
  refuses("blanks and quotes", Repeated("\"a\" . 'b' . ", kDeep) + "a = 1", "too many parts");
  // Where a text in quotes ends decides what is a key.
  refuses("quotes at a text's end", "a = {b = \"\"\"t\"\"\"\"\", " + parts + " = 1}",
          "too many parts");
  refuses("an escaped quote", "a = {b = \"\\\"\", " + parts + " = 1}", "too many parts");
  refuses("a literal text", "a = {b = '\\', " + parts + " = 1}", "too many parts");
  refuses("arrays", "a = " + std::string(kDeep, '['), "too many keys and values");
  refuses("fewer arrays", "a = " + std::string(100'000, '['), "maximum nested value depth");
  refuses("inline tables", "a = " + Repeated("{a=", 50'000), "");
  refuses("numbers", "a = [" + Repeated("1,", kDeep) + "]", "200000 are the most");
  refuses(
      "keys, the last one twice",
      [] {
        std::string text;
        for (int i = 0; i < 180'000; ++i) text += "k" + std::to_string(i) + "=1\n";
        return text + "k0=1\n";
      }(),
      "k0");
  refuses("a long text", "a = \"" + std::string(15 << 20, 't') + "\"\nb = ", ":2: ");
  refuses("too many bytes", std::string(17 << 20, '#'), "has more than 16777216 bytes");
}

TEST_CASE("What people write is not refused") {
  std::string text = "# " + std::string(5000, '.') + "\n";
  text += "ratios = [" + Repeated("0.5, ", 1000) + "1]\n";
  text += "version = \"" + Repeated("1.", 100) + "\"\nlong = \"\"\"" + Repeated("a. ", 100) +
          "\"\"\"\n";
  text += Repeated("a.", 31) + "a = 1\n";
  TomlTable table = TomlTable::Parse(text, "f", "links");
  CHECK(table.Numbers("ratios").size() == 1001);
  CHECK(table.String("version").size() == 200);
  CHECK(table.Has("a"));
}

TEST_CASE("A table's heading without a name is an error") {
  for (const char* heading : {"[$a]", "[ $a]", "[[!a]]", "[\n]", "[\x80]", "[[\t#"}) {
    CAPTURE(heading);
    CHECK_THROWS_WITH(
        TomlTable::Parse("a = [1,\n[2], {b = 1}]\nc = 1\n" + std::string(heading), "f", "links"),
        "[links] f:4: expected a table's name behind '['");
  }
  for (const char* heading : {"[a]", "[ \"a\"]", "[['a']]", "[[ -1_]]"}) {
    CAPTURE(heading);
    CHECK_NOTHROW(TomlTable::Parse("b = [\n[1]]\n" + std::string(heading), "f", "links"));
  }
}

TEST_CASE("What the parser takes for granted is an error where it is not so") {
  for (const char* text : {"a = [}", "a = [1, }]", "a = [1,\n}\n]"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH(TomlTable::Parse(text, "f", "links"),
                      Contains("[links] f: expected a TOML file, got something malformed"));
  }
}

TEST_CASE("Letters that are not of ASCII belong into quotes") {
  for (const char* text : {"\xc6\x8f = 1", "a = 1 \xc3\xa4", "\xc3\xa4", "[\xce\xb1]"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH(TomlTable::Parse(text, "f", "links"), Contains("[links] f:1: "));
  }
  TomlTable table = TomlTable::Parse(
      "# \xc3\xa4\n\"\xc3\xa4\" = \"\"\"x\\\n  \xce\xb1\"\"\"  # \xc3\xa4\n", "f", "links");
  CHECK(table.String("\xc3\xa4") == "x\xce\xb1");
}

TEST_CASE("Keys and texts reach no terminal as commands") {
  const auto error = [](const std::string& text) {
    try {
      TomlTable table = TomlTable::Parse(text, "f", "links");
      table.NotNegative("n");
      table.RefuseOthers();
    } catch (const std::exception& problem) {
      return std::string(problem.what());
    }
    return std::string();
  };
  CHECK_THAT(error("n = \"\\u001b[31m\\n\""), Contains("got the string '\\x1b[31m\\x0a'"));
  CHECK_THAT(error("n = 1\n\"\\u001b]0;x\\u0007\\n\" = 2"),
             Contains("the key '\\x1b]0;x\\x07\\x0a' is unknown"));
  CHECK_THAT(error("\x1b[31m = 2"), !Contains("\x1b"));
  TomlTable table = TomlTable::Parse("s = \"a\\u001bb\"\nw = [\"\\u009b1A\"]", "f", "links");
  CHECK(table.String("s") == "a\\x1bb");
  CHECK(table.Words("w")[0].text == "\\xc2\\x9b1A");
}

TEST_CASE("A pipe is no TOML file, and nobody waits for its writer") {
  const TemporaryFolder folder;
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  const Outcome outcome = RunApart([&] { TomlTable::Read(folder / "pipe", "links"); });
  CHECK(outcome.status == 0);
  CHECK_THAT(outcome.error, Contains("is a pipe, and a file is expected"));
}

}  // namespace
}  // namespace convoy
