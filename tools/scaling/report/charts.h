// The drawings of a scaling report, as SVG.
//
// Colours are Okabe and Ito's, which colour-blind readers can tell apart; in black and white,
// order, hatching and the figures on the drawings do. Every mark has a <title> with its exact
// figures, which browsers show under the pointer. Figures that are not finite are left out.
#pragma once

#include <span>
#include <string>

#include "tools/scaling/measure/results.h"
#include "tools/scaling/model/prediction.h"

namespace convoy::scaling {

struct ChartOptions {
  /// A file of its own: with the XML namespace and a white ground. Else an element of a page.
  bool standalone = true;
};

/// Efficiency against workers: measured with bars between the quartiles, predicted as broken lines,
/// published as open marks. The axis is logarithmic if the largest count is 8 times the smallest.
/// `results` may be null.
std::string EfficiencyChart(const ScalingResults* results, std::span<const Prediction> predictions,
                            ChartOptions options = {});

/// The parts of a step for every number of workers: all of it at the left, and at the right, on a
/// scale of its own, the exposed and waiting times. Where steps differ much in length, the left
/// side shows shares.
std::string SplitChart(const ScalingResults& results, ChartOptions options = {});

/// One step: a row for each rank and track. Of more than 8 ranks, the first 7 and the slowest.
std::string TimelineChart(const Measurement& measurement, ChartOptions options = {});

/// For each bucket when its gradients were ready, when its sum began and ended, and how much of it
/// was exposed.
std::string BucketsChart(const Measurement& measurement, ChartOptions options = {});

}  // namespace convoy::scaling
