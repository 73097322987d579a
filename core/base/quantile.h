// Medians and other quantiles of samples.
#pragma once

#include <span>

namespace convoy {

/// The sample below which a share `q` of the samples lies. Between two samples it is interpolated
/// linearly: numpy.quantile's default, method 7 of Hyndman and Fan, "Sample Quantiles in
/// Statistical Packages", The American Statistician 50 (1996). NaN if one of the samples is NaN.
///
/// Throws: Error if there is no sample, or `q` is outside [0, 1].
double Quantile(std::span<const double> samples, double q);

/// Throws: Error if there is no sample.
double Median(std::span<const double> samples);

}  // namespace convoy
