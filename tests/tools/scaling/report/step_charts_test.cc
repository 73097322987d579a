// Drawings of a step: complete, and with every part, span and bucket at its place.
#include <catch2/catch.hpp>
#include <string>
#include <tuple>
#include <utility>

#include "tests/tools/scaling/report/drawing.h"
#include "tests/tools/scaling/report/samples.h"
#include "tools/scaling/report/charts.h"

namespace convoy::scaling {
namespace {

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
}  // namespace convoy::scaling
