// Numbers as people read them; independent of the locale.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace convoy {

/// "1,115,394".
std::string WithCommas(int64_t value);

/// How many decimals show a column of figures, so that the largest has three or four digits: 2
/// for 35.0, 0 for 1,234. Figures that are not finite do not count.
int DecimalsFor(std::span<const double> values);
/// "35.02", "1,234"; "1.000e+15" from there on, and "-" if it is not finite.
std::string FixedText(double value, int decimals);
/// FixedText with as many decimals as DecimalsFor gives this one figure.
std::string FigureText(double value);
/// "93.1%" for 0.931; "-" if it is not finite.
std::string PercentText(double share);

/// "43.0 KiB", "3.1 MiB": in KiB however few bytes there are, in MiB however many.
std::string BytesInKibOrMib(int64_t bytes);
/// "512 B", "776.0 KiB", "3.1 MiB", "1.3 GiB".
std::string BytesInBestUnit(int64_t bytes);

/// "4 s", "2 min 05 s", "1 h 02 min".
std::string Duration(double seconds);

}  // namespace convoy
