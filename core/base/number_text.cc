// Numbers as people read them; independent of the locale.
#include "core/base/number_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace convoy {
namespace {

// Puts commas between the thousands of "-1234.5".
std::string Grouped(const std::string& plain) {
  const size_t sign = plain.starts_with('-') ? 1 : 0;
  const size_t point = std::min(plain.find('.'), plain.size());
  std::string text;
  for (size_t i = 0; i < plain.size(); ++i) {
    if (i > sign && i < point && (point - i) % 3 == 0) text += ',';
    text += plain[i];
  }
  return text;
}

}  // namespace

std::string WithCommas(int64_t value) { return Grouped(std::to_string(value)); }

int DecimalsFor(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) {
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  }
  if (largest >= 1000) return 0;
  if (largest >= 100) return 1;
  return largest >= 1 ? 2 : 3;
}

std::string FixedText(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  // 1e15 and more have no room in a table.
  if (std::abs(value) >= 1e15) return fmt::format("{:.3e}", value);
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find_first_not_of("-0.") == std::string::npos && text[0] == '-') text.erase(0, 1);
  return Grouped(text);
}

std::string FigureText(double value) { return FixedText(value, DecimalsFor(std::span(&value, 1))); }

std::string PercentText(double share) {
  return std::isfinite(share) ? FixedText(100 * share, 1) + "%" : "-";
}

std::string BytesInKibOrMib(int64_t bytes) {
  const double kibibytes = static_cast<double>(bytes) / 1024;
  return kibibytes < 1024 ? fmt::format("{:.1f} KiB", kibibytes)
                          : fmt::format("{:.1f} MiB", kibibytes / 1024);
}

std::string BytesInBestUnit(int64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  const double mebibytes = static_cast<double>(bytes) / (1 << 20);
  return mebibytes < 1024 ? BytesInKibOrMib(bytes) : fmt::format("{:.1f} GiB", mebibytes / 1024);
}

std::string Duration(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const int64_t whole = static_cast<int64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

}  // namespace convoy
