// From figures to pixels, and the marks at an axis.
#pragma once

#include <string>
#include <vector>

#include "tools/scaling/report/svg.h"

namespace convoy::scaling {

/// Maps [low, high] to [from, to], which may be upside down. If low is high, to the middle.
class Axis {
 public:
  static Axis Linear(double low, double high, double from, double to);
  /// Equal ratios are equally far apart. `low` and `high` are positive.
  static Axis Log(double low, double high, double from, double to);

  double operator()(double value) const;
  double from() const { return from_; }
  double to() const { return to_; }

 private:
  Axis(double low, double high, double from, double to, bool log);
  double low_, high_, from_, to_;
  bool log_;
};

/// Multiples of 1, 2 or 5 times a power of ten in [0, high], from 0 on: at most `most` above 0, and
/// at least one if `most` is 3 or more. Only 0 if `high` is not positive or not finite.
std::vector<double> Ticks(double high, int most);

/// The ticks with as many decimals as their distance has.
std::vector<std::string> TickTexts(const std::vector<double>& ticks);

/// A horizontal axis of ticks from 0 on at `y`, with lines up to `top` behind the drawing, and its
/// name below.
void DrawXAxis(Svg& svg, const Axis& axis, double high, double top, double y,
               const std::string& name);

}  // namespace convoy::scaling
