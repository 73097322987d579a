// Saved measurements that are made to harm: refused at a small price, and shown so that nothing
// obeys them.
#include <catch2/catch.hpp>
#include <string>

#include "tests/peak_memory.h"
#include "tests/tools/scaling/report/samples.h"
#include "tools/scaling/report/csv.h"
#include "tools/scaling/report/html.h"
#include "tools/scaling/report/json.h"
#include "tools/scaling/report/table.h"

namespace convoy::scaling {
namespace {

using Catch::Contains;

std::string Repeated(const std::string& text, size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST_CASE("Deep, wide and long files are refused at a small price") {
  const auto refuses = [](const char* what, const std::string& text, const std::string& why) {
    const Outcome outcome = RunApart([&] { ParseScalingJson(text, "a.json"); });
    CAPTURE(what, outcome.peak_bytes >> 20, text.size() >> 20);
    CHECK(outcome.status == 0);
    CHECK_THAT(outcome.error, Contains("[scaling] a.json: ") && Contains(why));
    CHECK(outcome.error.size() < 2000);
    if (MeasuresMemory()) CHECK(outcome.peak_bytes <= MostForRefusing(text.size()));
  };
  constexpr size_t kMany = 1'000'000;
  const ScalingResults results = SampleResults({1, 2}, 2);
  const std::string good = ScalingJson(&results, {});
  const auto with = [&](const std::string& name, const std::string& value) {
    const size_t at = good.find("\"" + name + "\": ");
    REQUIRE(at != good.npos);
    return good.substr(0, at) + "\"" + name + "\": " + value + "}}";
  };
  refuses("lists in lists", std::string(kMany, '['), "nested too deep: 16 levels are the most");
  refuses("closed lists", std::string(kMany, '[') + std::string(kMany, ']'), "nested too deep");
  refuses("objects", Repeated("{\"a\":", kMany), "nested too deep");
  refuses("deep where a text is expected", with("model", std::string(kMany, '[')),
          "nested too deep");
  refuses("many numbers", "[" + Repeated("0,", 10 * kMany) + "0]", "more than 1048576 keys");
  refuses("many empty lists", "[" + Repeated("[],", 340'000) + "0]", "expected an object");
  refuses("many empty objects", "[" + Repeated("{},", 340'000) + "0]", "expected an object");
  refuses("many small objects", "[" + Repeated("{\"\":0},", 260'000) + "0]", "expected an object");
  refuses("a long text", with("model", "\"" + std::string(4 * kMany, 'm') + "\""),
          "more than 1048576 bytes");
  refuses("a wrong text", with("parameters", "\"" + std::string(kMany, '9') + "\""), "got string");
  refuses("no measurements", with("measurements", "[" + Repeated("0,", 1'000'000) + "0]"),
          "measurements[0]: expected an object, got 0");
  refuses("no JSON", "{\"" + std::string(kMany, 'x') + "\x01", "expected JSON that --json");
}

TEST_CASE("Texts of a file move no cursor, in a table, CSV or page") {
  ScalingResults results = SampleResults({1, 2}, 1);
  const std::string evil =
      "\x1b]0;x\x07\r\nmodel\xc2\x9b"
      "1A";
  results.model = results.device = results.unit = results.command = evil;
  results.warnings = {evil};
  results.measurements[0].warnings = {evil};
  results.measurements[1].buckets[0].name = evil;
  const SavedScaling saved = ParseScalingJson(ScalingJson(&results, {}), "a.json");
  const std::string shown = "\\x1b]0;x\\x07\\x0d\\x0amodel\\xc2\\x9b1A";
  CHECK(saved.results->model == shown);
  CHECK(saved.results->measurements[1].buckets[0].name == shown);
  for (const std::string& text : {ResultsTable(*saved.results, {}), ResultsCsv(*saved.results),
                                  BucketsCsv(*saved.results), HtmlReport(&*saved.results, {})}) {
    CHECK(text.find('\x1b') == text.npos);
    CHECK(text.find('\x07') == text.npos);
    CHECK(text.find("\xc2\x9b") == text.npos);
  }
}

TEST_CASE("A cell of CSV is no formula") {
  ScalingResults results = SampleResults({1}, 1);
  const auto cell = [&](const std::string& model) {
    results.model = model;
    const std::string csv = ResultsCsv(results);
    const size_t begin = csv.find("\r\n") + 2;
    return csv.substr(begin, csv.find("," + results.mode + ",", begin) - begin);
  };
  CHECK(cell("=1+2") == "'=1+2");
  CHECK(cell("@SUM(A1)") == "'@SUM(A1)");
  CHECK(cell("+cmd|' /C calc'!A0") == "'+cmd|' /C calc'!A0");
  CHECK(cell("-2+3") == "'-2+3");
  CHECK(cell("=a,\"b\"") == "\"'=a,\"\"b\"\"\"");
  CHECK(cell("\t=1") == "\\x09=1");
  for (const char* plain : {"gpt: 4 layers", "-2.5", "+1e9", "-inf", "a=b", "'=", ""}) {
    CHECK(cell(plain) == plain);
  }
}

}  // namespace
}  // namespace convoy::scaling
