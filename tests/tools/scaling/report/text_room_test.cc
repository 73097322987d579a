// Texts of drawings have room in a wide font too: none is cut off at an edge or meets another.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/tools/scaling/report/drawing.h"
#include "tests/tools/scaling/report/samples.h"
#include "tests/tools/scaling/report/wide_font.h"
#include "tools/scaling/report/charts.h"

namespace convoy::scaling {
namespace {

struct Extent {
  std::string text;
  double left = 0, top = 0, right = 0, bottom = 0;
};

// Of the text in DejaVu Sans, whose ascent and descent are 0.928 and 0.236 of its size.
Extent ExtentOf(const XmlElement& text) {
  const auto attribute = [&](const char* name) {
    const auto found = text.attributes.find(name);
    return found == text.attributes.end() ? std::string() : found->second;
  };
  const double x = text.Number("x"), y = text.Number("y"), size = text.Number("font-size");
  const double width = WideFontWidth(text.text, size, attribute("font-weight") == "bold");
  const std::string anchor = attribute("text-anchor");
  const double begin = anchor == "middle" ? -width / 2 : anchor == "end" ? -width : 0;
  if (attribute("transform").starts_with("rotate(-90 ")) {
    return {text.text, x - 0.928 * size, y - begin - width, x + 0.236 * size, y - begin};
  }
  return {text.text, x + begin, y - 0.928 * size, x + begin + width, y + 0.236 * size};
}

std::vector<Extent> TextsInside(const std::string& chart) {
  const Elements elements = XmlElements(chart);
  const ViewBox view(elements[0]);
  std::vector<Extent> texts;
  for (const XmlElement& element : elements) {
    if (element.name != "text") continue;
    texts.push_back(ExtentOf(element));
    const Extent& text = texts.back();
    CAPTURE(text.text, text.left, text.top, text.right, text.bottom);
    CAPTURE(view.left, view.top, view.right, view.bottom);
    CHECK(text.left >= view.left);
    CHECK(text.top >= view.top);
    CHECK(text.right <= view.right);
    CHECK(text.bottom <= view.bottom);
  }
  return texts;
}

// Where two meet, both cannot be read. Lines of small text may touch each other.
void CheckApart(const std::vector<Extent>& texts) {
  for (size_t i = 0; i < texts.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const Extent &a = texts[i], &b = texts[j];
      const double across = std::min(a.right, b.right) - std::max(a.left, b.left);
      const double down = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
      INFO("'" << a.text << "' and '" << b.text << "': " << across << " by " << down);
      CHECK((across <= 0 || down <= 2.5));
    }
  }
}

std::vector<std::string> Charts(const ScalingResults& results) {
  std::vector<std::string> charts{EfficiencyChart(&results, SamplePredictions()),
                                  EfficiencyChart(&results, {}), SplitChart(results)};
  for (const Measurement& m : results.measurements) {
    charts.push_back(TimelineChart(m));
    charts.push_back(BucketsChart(m));
  }
  return charts;
}

TEST_CASE("No text is cut off in a wide font, whatever is in the drawings") {
  for (const auto& [name, results] : ExtremeResults()) {
    INFO(name);
    for (const std::string& chart : Charts(results)) TextsInside(chart);
  }
}

TEST_CASE("A drawing grows where a text would not fit") {
  ScalingResults results = SampleResults({1, 2}, 3);
  results.measurements[1].split.exposed = 1.25e12;
  const std::string chart = SplitChart(results);
  CHECK(ViewBox(XmlElements(chart)[0]).right > 720);
  TextsInside(chart);
}

TEST_CASE("No text meets another in a wide font, in everyday drawings") {
  for (const int buckets : {3, 8}) {
    for (const std::vector<int>& counts : {std::vector{1, 2}, {1, 2, 4, 8}, {1, 2, 4, 8, 16, 32}}) {
      for (const std::string& chart : Charts(SampleResults(counts, buckets))) {
        CheckApart(TextsInside(chart));
      }
    }
  }
  CheckApart(TextsInside(EfficiencyChart(nullptr, SamplePredictions())));
}

TEST_CASE("A name that is longer than a drawing is wide stands in several lines, whole") {
  std::vector<Prediction> predictions = SamplePredictions();
  const std::string half = "a system of many links, each of which has a name, and all of them long";
  predictions[0].links = half + ", " + half;
  const std::string chart = EfficiencyChart(nullptr, predictions);
  std::string texts;
  for (const Extent& text : TextsInside(chart)) texts += text.text + " ";
  CHECK_THAT(texts, Catch::Contains("predicted: ResNet-50 on " + half + ", " + half + " "));
}

TEST_CASE("README's drawing of predictions has room for its texts") {
  std::ifstream file("tools/scaling/predictions.svg");
  REQUIRE(file);
  CheckApart(TextsInside({std::istreambuf_iterator<char>(file), {}}));
}

}  // namespace
}  // namespace convoy::scaling
