// Colours of the drawings: Okabe and Ito's, which colour-blind readers can tell apart.
// https://jfly.uni-koeln.de/color/
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "tools/scaling/measure/results.h"
#include "tools/scaling/report/svg.h"

namespace convoy::scaling {

inline constexpr const char* kBlack = "#000000";
inline constexpr const char* kOrange = "#e69f00";
inline constexpr const char* kSkyBlue = "#56b4e9";
inline constexpr const char* kGreen = "#009e73";
inline constexpr const char* kYellow = "#f0e442";
inline constexpr const char* kBlue = "#0072b2";
inline constexpr const char* kVermilion = "#d55e00";
inline constexpr const char* kPurple = "#cc79a7";
inline constexpr const char* kDarkGrey = "#666666";
inline constexpr const char* kLightGrey = "#c4c4c4";

inline constexpr const char* kGridColor = "#e2e2e2";
inline constexpr const char* kAxisColor = "#444444";

/// Text that can be read on `fill`.
inline const char* TextOn(std::string_view fill) {
  return fill == kBlack || fill == kBlue || fill == kVermilion || fill == kGreen ||
                 fill == kDarkGrey
             ? "#ffffff"
             : "#000000";
}

/// A part of a step. Neighbours differ in brightness or hatching.
struct PartStyle {
  const char* name;
  double StepSplit::*member;
  const char* color;
  Hatch hatch = Hatch::kNone;
};
inline constexpr std::array kParts{
    PartStyle{"load", &StepSplit::load, kYellow},
    PartStyle{"forward", &StepSplit::forward, kBlue},
    PartStyle{"backward", &StepSplit::backward, kSkyBlue},
    PartStyle{"exposed", &StepSplit::exposed, kVermilion, Hatch::kRising},
    PartStyle{"waiting", &StepSplit::waiting, kOrange, Hatch::kFalling},
    PartStyle{"optimizer", &StepSplit::optimizer, kGreen},
    PartStyle{"other", &StepSplit::other, kLightGrey},
};

}  // namespace convoy::scaling
