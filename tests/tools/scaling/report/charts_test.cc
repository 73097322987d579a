// Drawings are well-formed, and efficiencies at their places.
#include "tools/scaling/report/charts.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/tools/scaling/report/drawing.h"
#include "tests/tools/scaling/report/samples.h"

namespace convoy::scaling {
namespace {

std::vector<std::string> AllCharts(const ScalingResults& results, ChartOptions options = {}) {
  std::vector<std::string> charts{EfficiencyChart(&results, SamplePredictions(), options),
                                  EfficiencyChart(&results, {}, options),
                                  SplitChart(results, options)};
  for (const Measurement& m : results.measurements) {
    charts.push_back(TimelineChart(m, options));
    charts.push_back(BucketsChart(m, options));
  }
  return charts;
}

TEST_CASE("Drawings are well-formed whatever is in them") {
  for (const auto& [name, results] : ExtremeResults()) {
    INFO(name);
    for (const bool standalone : {true, false}) {
      for (const std::string& chart : AllCharts(results, {.standalone = standalone})) {
        Elements elements;
        REQUIRE_NOTHROW(elements = XmlElements(chart));
        CHECK(elements[0].name == "svg");
        CHECK(elements[0].attributes.contains("aria-label"));
        CHECK(elements[0].attributes.contains("xmlns") == standalone);
        for (const char* bad : {"nan", "inf"}) {
          for (const XmlElement& element : elements) {
            for (const auto& [attribute, value] : element.attributes) {
              if (attribute == "aria-label" || value.find(bad) == std::string::npos) continue;
              FAIL_CHECK(element.name << " has " << attribute << "=\"" << value << "\"");
            }
          }
        }
      }
    }
  }
}

TEST_CASE("Nothing is drawn outside of the drawing") {
  for (const auto& [name, results] : ExtremeResults()) {
    for (const std::string& chart : AllCharts(results)) {
      const Elements elements = XmlElements(chart);
      const ViewBox view(elements[0]);
      for (const XmlElement& element : elements) {
        if (element.name != "rect" && element.name != "text" && element.name != "circle") continue;
        INFO(name << ": " << element.name << " " << element.text << element.title);
        const bool circle = element.name == "circle";
        if (element.attributes.contains("width") && element.attributes.at("width") == "100%") {
          continue;  // the ground
        }
        const double x = element.Number(circle ? "cx" : "x"),
                     y = element.Number(circle ? "cy" : "y");
        CHECK(x >= view.left);
        CHECK(x <= view.right);
        CHECK(y >= view.top);
        CHECK(y <= view.bottom);
        if (element.name == "rect") {
          CHECK(x + element.Number("width") <= view.right + 0.01);
          CHECK(y + element.Number("height") <= view.bottom + 0.01);
        }
      }
    }
  }
}

TEST_CASE("A point lies where its efficiency is") {
  ScalingResults results = SampleResults({1, 2, 3}, 1);
  results.measurements[0].efficiency = 1;
  results.measurements[1].efficiency = 0.5;
  results.measurements[1].step = {.median = 10, .low = 8, .high = 20};
  results.measurements[2].efficiency = 0.2;
  const Elements elements = XmlElements(EfficiencyChart(&results, {}));
  constexpr double kBaseLine = 4;  // of a figure at the axis, below its tick
  const auto y_of = [&](double efficiency) {
    return Between(elements, "y", "0%", "100%", efficiency) - kBaseLine;
  };
  CHECK(Titled(elements, "1 worker: 100.0%").Number("cy") == Approx(y_of(1)).margin(0.02));
  CHECK(Titled(elements, "2 workers: 50.0%").Number("cy") == Approx(y_of(0.5)).margin(0.02));
  CHECK(Titled(elements, "3 workers: 20.0%").Number("cy") == Approx(y_of(0.2)).margin(0.02));
  // Three counts are evenly spaced on this axis, and the middle one is in the middle.
  CHECK(Titled(elements, "2 workers").Number("cx") ==
        Approx(Between(elements, "x", "1", "3", 0.5)).margin(0.02));
  // The quartiles of the step, 8 and 20 ms, are efficiencies of 62.5% and 25%.
  CHECK(Titled(elements, "2 workers").title ==
        "2 workers: 50.0% measured, quartiles 25.0% to 62.5%");
  const auto has_cap = [&](double y) {
    return std::any_of(elements.begin(), elements.end(), [&](const XmlElement& element) {
      if (element.name != "path" || !element.attributes.contains("d")) return false;
      const std::string& path = element.attributes.at("d");
      const size_t space = path.find(' ');
      // "M<x> <y>L<x> <y>": a level line of 8 pixels.
      return std::abs(std::stod(path.substr(space + 1)) - y) < 0.02 &&
             std::abs(std::stod(path.substr(path.rfind(' ') + 1)) - y) < 0.02 &&
             std::abs(std::stod(path.substr(path.find('L') + 1)) - std::stod(path.substr(1)) - 8) <
                 0.02;
    });
  };
  CHECK(has_cap(y_of(0.25)));
  CHECK(has_cap(y_of(0.625)));
  CHECK(!has_cap(y_of(0.7)));
}

TEST_CASE("Wide ranges of workers have a logarithmic axis") {
  const auto results = ExtremeResults()[1].second;
  const Elements elements = XmlElements(EfficiencyChart(&results, {}));
  for (const char* count :
       {"1", "2", "4", "8", "16", "32", "64", "128", "256", "512", "1,024", "2,048", "4,096"}) {
    INFO(count);
    CHECK(HasText(elements, count));
  }
  CHECK(Titled(elements, "64 workers").Number("cx") ==
        Approx(Between(elements, "x", "1", "4,096", 0.5)).margin(0.02));
}

TEST_CASE("More than perfect has room") {
  ScalingResults results = SampleResults({1, 2}, 1);
  results.measurements[1].efficiency = 1.31;
  const Elements elements = XmlElements(EfficiencyChart(&results, {}));
  CHECK(HasText(elements, "140%"));
  CHECK(Titled(elements, "2 workers: 131.0%").Number("cy") ==
        Approx(Between(elements, "y", "0%", "100%", 1.31) - 4).margin(0.02));
}

TEST_CASE("Predictions are named as such, and published figures are open marks") {
  const std::vector<Prediction> predictions = SamplePredictions();
  const Elements elements = XmlElements(EfficiencyChart(nullptr, predictions));
  CHECK(HasText(elements, "predicted: ResNet-50 on 25 Gbit/s RoCE, 4 P100 a host"));
  CHECK(
      HasText(elements, "published: VGG-16, Horovod, docs/benchmarks.rst (512 P100, 25 GbE RoCE)"));
  const XmlElement published = Titled(elements, "VGG-16, 512 workers: 68.0% published");
  CHECK(published.attributes.at("fill") == "#ffffff");
  CHECK(CountTitled(elements, "VGG-16 on 25 Gbit/s RoCE, 4 P100 a host, ") == 10);
  // The line of the prediction is broken, in the colour of its marks.
  const std::string color = published.attributes.at("stroke");
  CHECK(std::any_of(elements.begin(), elements.end(), [&](const XmlElement& element) {
    return element.attributes.contains("stroke-dasharray") &&
           element.attributes.at("stroke") == color;
  }));
  CHECK(!HasText(elements, "measured (bars: quartiles of the step's time)"));
}

}  // namespace
}  // namespace convoy::scaling
