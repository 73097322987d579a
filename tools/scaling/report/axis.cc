// From figures to pixels, and the marks at an axis.
#include "tools/scaling/report/axis.h"

#include <fmt/format.h>

#include <cmath>

#include "core/base/number_text.h"
#include "tools/scaling/report/palette.h"

namespace convoy::scaling {

Axis::Axis(double low, double high, double from, double to, bool log)
    : low_(low), high_(high), from_(from), to_(to), log_(log) {}

Axis Axis::Linear(double low, double high, double from, double to) {
  return Axis(low, high, from, to, false);
}

Axis Axis::Log(double low, double high, double from, double to) {
  return Axis(std::log2(low), std::log2(high), from, to, true);
}

double Axis::operator()(double value) const {
  if (!(high_ > low_)) return (from_ + to_) / 2;
  const double share = ((log_ ? std::log2(value) : value) - low_) / (high_ - low_);
  return from_ + share * (to_ - from_);
}

std::vector<double> Ticks(double high, int most) {
  if (!(high > 0) || !std::isfinite(high)) return {0};
  const double power = std::pow(10, std::floor(std::log10(high / most)));
  double step = power;
  for (const double factor : {1, 2, 5, 10}) {
    step = factor * power;
    if (high / step <= most + 1e-9) break;
  }
  std::vector<double> ticks;
  for (int i = 0; i * step <= high * (1 + 1e-9); ++i) ticks.push_back(i * step);
  return ticks;
}

std::vector<std::string> TickTexts(const std::vector<double>& ticks) {
  int decimals = 0;
  if (ticks.size() > 1) {
    decimals = std::max(0, static_cast<int>(-std::floor(std::log10(ticks[1]) + 1e-9)));
  }
  std::vector<std::string> texts;
  for (const double tick : ticks) texts.push_back(FixedText(tick, decimals));
  return texts;
}

void DrawXAxis(Svg& svg, const Axis& axis, double high, double top, double y,
               const std::string& name) {
  const double length = std::abs(axis.to() - axis.from());
  const std::vector<double> ticks = Ticks(high, std::max(3, static_cast<int>(length / 70)));
  const std::vector<std::string> texts = TickTexts(ticks);
  for (size_t i = 0; i < ticks.size(); ++i) {
    const double x = axis(ticks[i]);
    svg.Line({x, top}, {x, y}, {.color = kGridColor});
    svg.Line({x, y}, {x, y + 4}, {.color = kAxisColor});
    svg.Text({x, y + 17}, texts[i], {.anchor = Anchor::kMiddle});
  }
  svg.Line({axis.from(), y}, {axis.to(), y}, {.color = kAxisColor});
  svg.Text({(axis.from() + axis.to()) / 2, y + 36}, name, {.anchor = Anchor::kMiddle});
}

}  // namespace convoy::scaling
