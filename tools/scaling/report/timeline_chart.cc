// One step: what every rank did, and when.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/base/number_text.h"
#include "tools/scaling/report/axis.h"
#include "tools/scaling/report/charts.h"
#include "tools/scaling/report/legend.h"
#include "tools/scaling/report/palette.h"
#include "tools/scaling/report/text_width.h"

namespace convoy::scaling {
namespace {

constexpr double kWidth = 720, kLeft = 178, kRight = 702, kTop = 12;
constexpr double kRankRoom = 76;  // pixels for "rank 4095"
constexpr size_t kMostRanks = 8;
constexpr const char* kCommunication = "communication";
constexpr const char* kSumColors[] = {kPurple, "#8e4a72"};  // neighbours differ

bool IsSum(const StepSpan& span) { return span.bucket >= 0 && span.track == kCommunication; }
bool IsWait(const StepSpan& span) { return span.bucket >= 0 && span.track != kCommunication; }

// The spans of a track, in lanes in which none overlaps another. Waits lie over what they
// interrupt.
struct Track {
  std::string name;
  std::vector<std::vector<StepSpan>> lanes;
  std::vector<StepSpan> waits;

  void Add(const StepSpan& span) {
    if (IsWait(span)) {
      waits.push_back(span);
      return;
    }
    // Spans that overlap by less (ms) only do so because times are rounded.
    constexpr double kSlack = 1e-3;
    for (std::vector<StepSpan>& lane : lanes) {
      if (lane.back().end > span.begin + kSlack) continue;
      lane.push_back(span);
      return;
    }
    lanes.push_back({span});
  }
};

class Chart {
 public:
  explicit Chart(const Measurement& m) : measurement_(m) {
    std::vector<StepSpan> spans;
    for (const StepSpan& span : m.timeline) {
      if (!std::isfinite(span.begin) || !std::isfinite(span.end)) continue;
      spans.push_back(span);
      all_ranks_.insert(span.rank);
      end_ = std::max(end_, span.end);
    }
    for (const int rank : all_ranks_) {
      if (shown_.size() + 1 < kMostRanks || all_ranks_.size() <= kMostRanks) shown_.insert(rank);
    }
    if (shown_.size() < all_ranks_.size()) {
      // Then the slowest rank or, if that is among the first ones, one more of these.
      if (all_ranks_.contains(m.slowest)) shown_.insert(m.slowest);
      for (auto r = all_ranks_.begin(); shown_.size() < kMostRanks; ++r) shown_.insert(*r);
    }
    std::stable_sort(spans.begin(), spans.end(),
                     [](const StepSpan& a, const StepSpan& b) { return a.begin < b.begin; });
    for (const StepSpan& span : spans) {
      if (!shown_.contains(span.rank)) continue;
      TrackOf(tracks_[span.rank], span.track).Add(span);
    }
  }

  std::string Draw(bool standalone) {
    const double lane = shown_.size() <= 2 ? 22 : shown_.size() <= 4 ? 17 : 13;
    double bottom = kTop;
    for (const auto& [rank, tracks] : tracks_) {
      for (const Track& track : tracks) bottom += TrackHeight(track, lane);
      bottom += kBetweenRanks;
    }
    if (!(end_ > 0)) end_ = 1;
    const Axis x = Axis::Linear(0, end_, kLeft, kRight);
    DrawXAxis(svg_, x, end_, kTop, bottom, "time from the start of the step (ms)");
    double y = kTop;
    for (const auto& [rank, tracks] : tracks_) {
      const double begin = y;
      for (const Track& track : tracks) {
        DrawTrack(track, rank, x, y, lane);
        y += TrackHeight(track, lane);
      }
      svg_.Text({6, begin + lane / 2 + 4}, fmt::format("rank {}", rank), {.bold = true});
      y += kBetweenRanks;
    }
    double end = DrawLegend(svg_, {kLeft, bottom + 46}, kRight - kLeft, Legend());
    if (shown_.size() < all_ranks_.size()) {
      svg_.Text(
          {kLeft, end + 14},
          fmt::format(
              "{} of {} ranks; the slowest is rank {}", shown_.size(),
              FixedText(std::max(measurement_.workers, static_cast<int>(all_ranks_.size())), 0),
              measurement_.slowest));
      end += 20;
    }
    return svg_.Finish(kWidth, end + 6, "Timeline of one step, by rank", standalone);
  }

 private:
  static constexpr double kBetweenRanks = 7, kBetweenTracks = 2;

  static Track& TrackOf(std::vector<Track>& tracks, const std::string& name) {
    for (Track& track : tracks) {
      if (track.name == name) return track;
    }
    return tracks.emplace_back(Track{.name = name, .lanes = {}, .waits = {}});
  }

  static double TrackHeight(const Track& track, double lane) {
    return static_cast<double>(std::max<size_t>(1, track.lanes.size())) * lane + kBetweenTracks;
  }

  const PartStyle& PartOf(const StepSpan& span) {
    for (const PartStyle& part : kParts) {
      if (span.name == part.name) return part;
    }
    return kParts.back();
  }

  void DrawTrack(const Track& track, int rank, const Axis& x, double top, double lane) {
    const std::string name = CutToWidth(track.name, 11, kLeft - 8 - kRankRoom);
    svg_.Text({kLeft - 8, top + lane / 2 + 4}, name, {.size = 11, .anchor = Anchor::kEnd});
    for (size_t l = 0; l < track.lanes.size(); ++l) {
      const double y = top + lane * static_cast<double>(l);
      for (const StepSpan& span : track.lanes[l]) DrawSpan(span, rank, x, y, lane - 1);
    }
    for (const StepSpan& span : track.waits) DrawSpan(span, rank, x, top, lane - 1);
  }

  void DrawSpan(const StepSpan& span, int rank, const Axis& x, double y, double height) {
    const char* color = IsSum(span)    ? kSumColors[span.bucket % 2]
                        : IsWait(span) ? kVermilion
                                       : PartOf(span).color;
    const Hatch hatch = IsSum(span)    ? Hatch::kNone
                        : IsWait(span) ? Hatch::kRising
                                       : PartOf(span).hatch;
    used_sums_ |= IsSum(span);
    used_waits_ |= IsWait(span);
    if (span.bucket < 0) used_parts_.insert(&PartOf(span));
    const double x0 = x(span.begin);
    double width = x(span.end) - x0;
    // A little wider, so that many small spans in a row have no light seams between them.
    if (width > 0 && width < 3 && !IsSum(span)) width += 0.4;
    svg_.Rect({x0, y, width, height}, color, hatch,
              fmt::format("rank {}, {}: {} ms, from {} to {}", rank, span.name,
                          FigureText(span.end - span.begin), FigureText(span.begin),
                          FigureText(span.end)));
    if (hatch != Hatch::kNone) return;
    const double size = std::min(11.0, height - 1);
    const std::string text = IsSum(span) ? std::to_string(span.bucket) : span.name;
    if (TextWidth(text, size) + 3 > width) return;
    svg_.Text({x0 + width / 2, y + height / 2 + size * 0.36}, text,
              {.size = size,
               .anchor = Anchor::kMiddle,
               .color = color == kSumColors[1] ? "#ffffff" : TextOn(color)});
  }

  std::vector<LegendEntry> Legend() const {
    std::vector<LegendEntry> entries;
    for (const PartStyle& part : kParts) {
      if (used_parts_.contains(&part)) {
        entries.push_back(AreaEntry(part.name, part.color, part.hatch));
      }
    }
    if (used_waits_) {
      entries.push_back(AreaEntry("waits for a bucket's sum", kVermilion, Hatch::kRising));
    }
    if (used_sums_) {
      entries.push_back({"a bucket's sum, by number", [](Svg& svg, Point at) {
                           svg.Rect({at.x - 12, at.y - 6, 11.5, 12}, kSumColors[0]);
                           svg.Rect({at.x + .5, at.y - 6, 11.5, 12}, kSumColors[1]);
                         }});
    }
    return entries;
  }

  const Measurement& measurement_;
  std::set<int> all_ranks_, shown_;
  std::map<int, std::vector<Track>> tracks_;
  double end_ = 0;
  std::set<const PartStyle*> used_parts_;
  bool used_sums_ = false, used_waits_ = false;
  Svg svg_;
};

}  // namespace

std::string TimelineChart(const Measurement& measurement, ChartOptions options) {
  return Chart(measurement).Draw(options.standalone);
}

}  // namespace convoy::scaling
