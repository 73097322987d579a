// The page of a report: complete, self-contained, and safe from what it shows.
#include "tools/scaling/report/html.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/tools/scaling/report/samples.h"
#include "tests/tools/scaling/report/xml_elements.h"

namespace convoy::scaling {
namespace {

int Count(const std::vector<XmlElement>& elements, const std::string& name) {
  return static_cast<int>(std::count_if(elements.begin(), elements.end(),
                                        [&](const XmlElement& e) { return e.name == name; }));
}

bool Has(const std::vector<XmlElement>& elements, const std::string& name,
         const std::string& text) {
  return std::any_of(elements.begin(), elements.end(), [&](const XmlElement& e) {
    return e.name == name && e.text.find(text) != std::string::npos;
  });
}

TEST_CASE("A page needs nothing from elsewhere") {
  for (const auto& [name, results] : ExtremeResults()) {
    INFO(name);
    const std::string page = HtmlReport(&results, SamplePredictions());
    for (const char* reference : {"http:", "https:", "//", "src=", "href", "url(", "@import",
                                  "<script", "<link", "<iframe", " onload"}) {
      INFO(reference);
      CHECK(page.find(reference) == std::string::npos);
    }
    CHECK_THAT(page, Catch::Contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
  }
}

TEST_CASE("A page is well-formed whatever is in it") {
  for (const auto& [name, results] : ExtremeResults()) {
    INFO(name);
    std::vector<XmlElement> elements;
    REQUIRE_NOTHROW(elements = XmlElements(HtmlReport(&results, {})));
    CHECK(elements[0].name == "html");
    REQUIRE_NOTHROW(XmlElements(HtmlReport(&results, SamplePredictions())));
  }
  REQUIRE_NOTHROW(XmlElements(HtmlReport(nullptr, SamplePredictions())));
  REQUIRE_NOTHROW(XmlElements(HtmlReport(nullptr, {})));
}

TEST_CASE("Markup in names is text") {
  const auto named = ExtremeResults()[4].second;
  const std::string page = HtmlReport(&named, {});
  CHECK(page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
  CHECK_THAT(page, Catch::Contains("<h1>Scaling of &lt;script&gt;alert(&quot;&amp;&quot;)&lt;"
                                   "/script&gt; ]]&gt; \xEF\xBF\xBD\xEF\xBF\xBD WWW"));
  const std::vector<XmlElement> elements = XmlElements(page);
  CHECK(Has(elements, "dd", "a 'b' \"c\" <d> & \xEF\xBF\xBD[31m"));
  CHECK(Has(elements, "li", "cores <are> \"shared\" & busy"));
  CHECK(Has(elements, "li", "2 workers: the step's quartiles lie 31% apart"));
  CHECK(Has(elements, "td", "bucket 0 (<b>&\"'nnn"));
}

TEST_CASE("What was measured is on the page") {
  const ScalingResults results = SampleResults({1, 2, 4, 8}, 8);
  const std::string page = HtmlReport(&results, {});
  const std::vector<XmlElement> elements = XmlElements(page);
  CHECK(Count(elements, "svg") == 4);
  CHECK(Count(elements, "table") == 4);
  CHECK(Has(elements, "p",
            "8 workers are 7.02 times as fast as 1 worker: 178,862 tokens/s, an "
            "efficiency of 87.7%."));
  CHECK(
      Has(elements, "p",
          "The slowest worker is rank 7: it computes 32.25 ms a step, 7.4% longer than the median "
          "of the others."));
  CHECK_THAT(page, Catch::Contains("<tr><td>2</td><td>44,944</td><td>1.76</td><td>88.2%</td>"
                                   "<td>34.18</td><td>33.66 to 35.20</td><td>32.34</td>"
                                   "<td>200</td></tr>"));
  CHECK_THAT(page, Catch::Contains("<tr><td>2</td><td>0.31</td><td>8.40</td><td>19.20</td>"
                                   "<td>1.84</td><td>2.21</td><td>2.10</td><td>0.12</td>"
                                   "<td>34.18</td></tr>"));
  CHECK_THAT(page, Catch::Contains("<dt>command</dt><dd class=\"code\">tools/scaling_bench gpt "
                                   "--workers 1,2,4,8 --repeat 7</dd>"));
  CHECK(Has(elements, "dd", "16 cores of an AMD EPYC 9V74"));
  CHECK(Has(elements, "dd", "2026-11-28"));
  CHECK(page.find("redict") == std::string::npos);
  CHECK(page.find("Warning") == page.rfind("Warning"));  // in the style alone
}

TEST_CASE("Predictions are on the page with what they stand on") {
  const std::vector<XmlElement> elements = XmlElements(HtmlReport(nullptr, SamplePredictions()));
  CHECK(Has(elements, "h1", "Predicted scaling"));
  CHECK(Has(elements, "h2", "Predicted: VGG-16 on 25 Gbit/s RoCE, 4 P100 a host"));
  CHECK(Has(elements, "li", "alpha: 14 us a hop between hosts, 3.4 us within one"));
  CHECK(Has(elements, "li", "Published: 68.0% on 512 workers, Horovod, docs/benchmarks.rst"));
  CHECK(Has(elements, "li", "Published: DDP, VLDB 2020: \"near-linear\" on 256 <GPUs>"));
  CHECK(Has(elements, "caption", "A prediction, not a measurement"));
  CHECK(Count(elements, "svg") == 1);
  CHECK(Count(elements, "table") == 2);
}

TEST_CASE("What is not there is not mentioned") {
  const ScalingResults nothing;
  const std::vector<XmlElement> elements = XmlElements(HtmlReport(&nothing, {}));
  CHECK(Has(elements, "h1", "Scaling"));
  CHECK(Count(elements, "h2") == 0);
  CHECK(Count(elements, "svg") == 0);
  CHECK(Count(elements, "table") == 0);
}

}  // namespace
}  // namespace convoy::scaling
