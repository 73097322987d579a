// When each bucket was ready and summed, and how much of that was exposed.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/number_text.h"
#include "tools/scaling/report/axis.h"
#include "tools/scaling/report/charts.h"
#include "tools/scaling/report/legend.h"
#include "tools/scaling/report/palette.h"
#include "tools/scaling/report/text_width.h"

namespace convoy::scaling {
namespace {

constexpr double kWidth = 720, kLeft = 252, kRight = 594, kTop = 26;
constexpr const char* kSkewColor = kLightGrey;

struct RowStyle {
  double height = 22, bar = 14, text = 12;
};

// Rows are lower for more buckets: sixty must fit on a page.
RowStyle StyleFor(size_t buckets) {
  if (buckets <= 16) return {};
  if (buckets <= 32) return {.height = 16, .bar = 11, .text = 11};
  return {.height = 12, .bar = 9, .text = 10};
}

class Chart {
 public:
  explicit Chart(const Measurement& m) : buckets_(m.buckets), row_(StyleFor(m.buckets.size())) {
    std::vector<double> bandwidths;
    for (const BucketTimes& bucket : buckets_) {
      bandwidths.push_back(bucket.busbw_gb_per_s);
      for (const double time : {bucket.ready, bucket.start, bucket.end}) {
        if (std::isfinite(time)) end_ = std::max(end_, time);
      }
    }
    bandwidth_decimals_ = DecimalsFor(bandwidths);
  }

  std::string Draw(bool standalone) {
    const double bottom = kTop + 4 + row_.height * static_cast<double>(buckets_.size());
    if (!(end_ > 0)) end_ = 1;
    const Axis x = Axis::Linear(0, end_, kLeft, kRight);
    DrawXAxis(svg_, x, end_, kTop, bottom, "time from the start of backward (ms)");
    svg_.Text({kBytesRight, kTop - 8}, "bytes", {.anchor = Anchor::kEnd});
    svg_.Text({kBandwidthRight, kTop - 8}, "GB/s", {.anchor = Anchor::kEnd});
    for (size_t b = 0; b < buckets_.size(); ++b) {
      DrawRow(buckets_[b], x, kTop + 4 + row_.height * static_cast<double>(b));
    }
    const std::vector<LegendEntry> legend{
        {"gradients ready, first to last worker",
         [](Svg& svg, Point at) {
           svg.Rect({at.x - 12, at.y - 6, 24, 12}, kSkewColor);
           svg.Line({at.x + 12, at.y - 7}, {at.x + 12, at.y + 7}, {.width = 1.25});
         }},
        {"waits for its turn",
         [](Svg& svg, Point at) {
           svg.Line({at.x - 12, at.y}, {at.x + 12, at.y}, {.color = kDarkGrey, .width = 1.5});
         }},
        AreaEntry("its sum, hidden", kBlue),
        AreaEntry("its sum, exposed", kVermilion, Hatch::kRising),
    };
    const double end = DrawLegend(svg_, {14, bottom + 46}, kWidth - 24, legend);
    return svg_.Finish(kWidth, end + 6, "When each bucket was ready and summed", standalone);
  }

 private:
  static constexpr double kBytesRight = 662, kBandwidthRight = 710;

  void DrawRow(const BucketTimes& bucket, const Axis& x, double top) {
    const double middle = top + row_.height / 2, bar = middle - row_.bar / 2;
    const double base = middle + row_.text * 0.36;
    const TextStyle right{.size = row_.text, .anchor = Anchor::kEnd};
    svg_.Text({kLeft - 8, base}, CutToWidth(bucket.name, row_.text, kLeft - 14), right);
    svg_.Text({kBytesRight, base}, BytesInBestUnit(bucket.bytes), right);
    svg_.Text({kBandwidthRight, base}, FixedText(bucket.busbw_gb_per_s, bandwidth_decimals_),
              right);

    const std::string title =
        fmt::format("{}: ready from {} to {} ms, summed from {} to {} ms, {} ms of it exposed",
                    bucket.name, FigureText(bucket.first_ready), FigureText(bucket.ready),
                    FigureText(bucket.start), FigureText(bucket.end), FigureText(bucket.exposed));
    svg_.Rect({x(bucket.first_ready), bar, x(bucket.ready) - x(bucket.first_ready), row_.bar},
              kSkewColor, Hatch::kNone, title);
    if (bucket.start > bucket.ready) {
      svg_.Line({x(bucket.ready), middle}, {x(bucket.start), middle},
                {.color = kDarkGrey, .width = 1.5});
    }
    // Workers wait at the end of an allreduce, when they have nothing left to compute.
    const double longest = std::max(0.0, bucket.end - bucket.start);
    const double exposed =
        std::isfinite(bucket.exposed) ? std::clamp(bucket.exposed, 0.0, longest) : 0;
    const double shown = x(bucket.end - exposed);
    svg_.Rect({x(bucket.start), bar, shown - x(bucket.start), row_.bar}, kBlue, Hatch::kNone,
              title);
    svg_.Rect({shown, bar, x(bucket.end) - shown, row_.bar}, kVermilion, Hatch::kRising, title);
    svg_.Line({x(bucket.ready), bar - 1}, {x(bucket.ready), bar + row_.bar + 1}, {.width = 1.25});
  }

  const std::vector<BucketTimes>& buckets_;
  RowStyle row_;
  double end_ = 0;
  int bandwidth_decimals_ = 0;
  Svg svg_;
};

}  // namespace

std::string BucketsChart(const Measurement& measurement, ChartOptions options) {
  return Chart(measurement).Draw(options.standalone);
}

}  // namespace convoy::scaling
