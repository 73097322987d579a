// Drawings: well-formed, complete, and with every figure at its place.
#include "tools/scaling/charts.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/tools/scaling/samples.h"
#include "tests/tools/scaling/xml_elements.h"

namespace convoy {
namespace {

using Elements = std::vector<XmlElement>;

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

bool HasText(const Elements& elements, const std::string& text) {
  return std::any_of(elements.begin(), elements.end(),
                     [&](const XmlElement& e) { return e.name == "text" && e.text == text; });
}

XmlElement TextOf(const Elements& elements, const std::string& text) {
  for (const XmlElement& element : elements) {
    if (element.name == "text" && element.text == text) return element;
  }
  FAIL("no text " << text);
  return {};
}

// The first element whose title starts so.
XmlElement Titled(const Elements& elements, const std::string& start) {
  for (const XmlElement& element : elements) {
    if (element.title.starts_with(start)) return element;
  }
  FAIL("no title " << start);
  return {};
}

int CountTitled(const Elements& elements, const std::string& part) {
  return static_cast<int>(std::count_if(
      elements.begin(), elements.end(),
      [&](const XmlElement& element) { return element.title.find(part) != std::string::npos; }));
}

// Where `value` lies between two numbers of an axis, in pixels.
double Between(const Elements& elements, const char* coordinate, const std::string& low,
               const std::string& high, double share) {
  const double from = TextOf(elements, low).Number(coordinate);
  const double to = TextOf(elements, high).Number(coordinate);
  return from + share * (to - from);
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
              CHECK((attribute == "aria-label" || value.find(bad) == std::string::npos));
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
      const double width = elements[0].Number("width"), height = elements[0].Number("height");
      for (const XmlElement& element : elements) {
        if (element.name != "rect" && element.name != "text" && element.name != "circle") continue;
        INFO(name << ": " << element.name << " " << element.text << element.title);
        const bool circle = element.name == "circle";
        if (!circle && !element.attributes.contains("x")) continue;  // the ground
        const double x = element.Number(circle ? "cx" : "x"),
                     y = element.Number(circle ? "cy" : "y");
        CHECK((x >= 0 && x <= width && y >= 0 && y <= height));
        if (element.name == "rect") {
          CHECK(x + element.Number("width") <= width + 0.01);
          CHECK(y + element.Number("height") <= height + 0.01);
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

TEST_CASE("Parts of a step are as long as they take, one behind the other") {
  ScalingResults results = SampleResults({1, 2}, 1);
  results.measurements[1].split = {.load = 1,
                                   .forward = 10,
                                   .backward = 20,
                                   .exposed = 5,
                                   .waiting = 2.5,
                                   .optimizer = 1.5,
                                   .other = 0};
  const Elements elements = XmlElements(SplitChart(results));
  const double ms = (TextOf(elements, "20").Number("x") - TextOf(elements, "0").Number("x")) / 20;
  double end = TextOf(elements, "0").Number("x");
  for (const auto& [part, value] : {std::pair{"load 1.00", 1.0},
                                    {"forward 10.00", 10},
                                    {"backward 20.00", 20},
                                    {"exposed 5.00", 5},
                                    {"waiting 2.50", 2.5},
                                    {"optimizer 1.50", 1.5}}) {
    const XmlElement rect = Titled(elements, std::string("2 workers: ") + part + " ms");
    CHECK(rect.Number("x") == Approx(end).margin(0.03));
    CHECK(rect.Number("width") == Approx(value * ms).margin(0.03));
    end = rect.Number("x") + rect.Number("width");
  }
  CHECK(CountTitled(elements, "2 workers: other") == 0);  // nothing of it, and nothing drawn
  CHECK(HasText(elements, "40.00"));
  // The second drawing of exposed and waiting, enlarged.
  CHECK(CountTitled(elements, "2 workers: exposed") == 2);
  CHECK(HasText(elements, "7.50 (18.8%)"));
}

TEST_CASE("Steps of very different length are shown as shares") {
  const auto results = ExtremeResults()[3].second;
  const Elements elements = XmlElements(SplitChart(results));
  CHECK(HasText(elements, "share of the step (%)"));
  CHECK(HasText(elements, "30.13 ms"));
  for (const Measurement& m : results.measurements)
    CHECK(HasText(elements, std::to_string(m.workers)));
}

TEST_CASE("A timeline has every rank and every bucket") {
  for (const int workers : {1, 2, 8}) {
    for (const int buckets : {3, 60}) {
      INFO(workers << " workers, " << buckets << " buckets");
      const ScalingResults results = SampleResults({workers}, buckets);
      const Elements elements = XmlElements(TimelineChart(results.measurements[0]));
      for (int rank = 0; rank < workers; ++rank) {
        CHECK(HasText(elements, "rank " + std::to_string(rank)));
        if (workers == 1) continue;
        for (int b = 0; b < buckets; ++b) {
          CHECK(CountTitled(elements, "rank " + std::to_string(rank) + ", bucket " +
                                          std::to_string(b) + ":") >= 1);
        }
      }
    }
  }
}

TEST_CASE("A span of a timeline lies where it was") {
  Measurement m{.workers = 2};
  m.timeline = {{0, "compute", "backward", 0, 20, -1},
                {1, "compute", "forward", 5, 10, -1},
                {0, "communication", "bucket 0", 5, 15, 0},
                {0, "communication", "bucket 1", 10, 20, 1},
                {0, "compute", "bucket 1", 12, 18, 1}};
  const Elements elements = XmlElements(TimelineChart(m));
  const auto x_of = [&](double ms) { return Between(elements, "x", "0", "20", ms / 20); };
  const XmlElement forward = Titled(elements, "rank 1, forward: 5.00 ms, from 5.00 to 10.00");
  CHECK(forward.Number("x") == Approx(x_of(5)).margin(0.02));
  CHECK(forward.Number("width") == Approx(x_of(10) - x_of(5)).margin(0.02));
  // Two sums at once lie under each other; a wait lies on what it interrupts.
  const XmlElement backward = Titled(elements, "rank 0, backward");
  const XmlElement wait = Titled(elements, "rank 0, bucket 1: 6.00 ms");
  const XmlElement first = Titled(elements, "rank 0, bucket 0");
  const XmlElement second = Titled(elements, "rank 0, bucket 1: 10.00 ms");
  CHECK(wait.Number("y") == backward.Number("y"));
  CHECK(first.Number("y") >= backward.Number("y") + backward.Number("height"));
  CHECK(second.Number("y") >= first.Number("y") + first.Number("height"));
  CHECK(forward.Number("y") >= second.Number("y") + second.Number("height"));
}

TEST_CASE("Of many ranks the slowest is shown") {
  ScalingResults results = SampleResults({32}, 3);
  results.measurements[0].slowest = 20;
  const Elements elements = XmlElements(TimelineChart(results.measurements[0]));
  for (const int rank : {0, 1, 2, 3, 4, 5, 6, 20}) {
    CHECK(HasText(elements, "rank " + std::to_string(rank)));
  }
  CHECK(!HasText(elements, "rank 7"));
  CHECK(HasText(elements, "8 of 32 ranks; the slowest is rank 20"));
}

TEST_CASE("A bucket's sum lies where it was, its exposed part at the end") {
  Measurement m{.workers = 2, .steps = 3};
  m.buckets = {{.name = "bucket 0 (a)",
                .bytes = 2048,
                .first_ready = 2,
                .ready = 4,
                .start = 5,
                .end = 10,
                .hidden = 4,
                .exposed = 1,
                .busbw_gb_per_s = 1.5},
               {.name = "bucket 1 (b)",
                .bytes = 1 << 20,
                .first_ready = 8,
                .ready = 9,
                .start = 10,
                .end = 20,
                .hidden = 0,
                .exposed = 10,
                .busbw_gb_per_s = 0.25}};
  const Elements elements = XmlElements(BucketsChart(m));
  const auto x_of = [&](double ms) { return Between(elements, "x", "0", "20", ms / 20); };
  Elements first;
  for (const XmlElement& element : elements) {
    if (element.title ==
        "bucket 0 (a): ready from 2.00 to 4.00 ms, summed from 5.00 to 10.00 ms, 1.00 ms of it "
        "exposed") {
      first.push_back(element);
    }
  }
  REQUIRE(first.size() == 3);
  for (const auto& [part, from, to] :
       {std::tuple{0, 2.0, 4.0}, std::tuple{1, 5.0, 9.0}, std::tuple{2, 9.0, 10.0}}) {
    CHECK(first[part].Number("x") == Approx(x_of(from)).margin(0.02));
    CHECK(first[part].Number("width") == Approx(x_of(to) - x_of(from)).margin(0.02));
  }
  CHECK(CountTitled(elements, "bucket 1 (b)") == 2);  // ready, exposed: nothing hidden
  CHECK(HasText(elements, "bucket 0 (a)"));
  CHECK(HasText(elements, "2.0 KiB"));
  CHECK(HasText(elements, "0.25"));
}

TEST_CASE("Sixty buckets are all named") {
  const ScalingResults results = SampleResults({8}, 60);
  const Elements elements = XmlElements(BucketsChart(results.measurements[0]));
  for (const BucketTimes& bucket : results.measurements[0].buckets) {
    CHECK(HasText(elements, bucket.name));
  }
}

}  // namespace
}  // namespace convoy
