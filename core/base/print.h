// Printing that ends nothing: a full disk or a closed pipe behind a stream is no exception.
#pragma once

#include <fmt/core.h>

#include <cstdio>

namespace convoy {

namespace internal {
void PrintFormatted(std::FILE* to, fmt::string_view format, fmt::format_args args) noexcept;
void WarnFormatted(fmt::string_view format, fmt::format_args args) noexcept;
}  // namespace internal

/// Prints as fmt::print does, but never throws: what cannot be written is lost, and ferror(to) says
/// so, which programs look at before they end. The text goes out as it is: see
/// core/base/printable.h for what comes from outside.
template <typename... Args>
void PrintTo(std::FILE* to, fmt::format_string<Args...> format, Args&&... args) noexcept {
  internal::PrintFormatted(to, format, fmt::make_format_args(args...));
}

/// "warning: ..." as a line on stderr, made printable. Never throws.
template <typename... Args>
void Warn(fmt::format_string<Args...> format, Args&&... args) noexcept {
  internal::WarnFormatted(format, fmt::make_format_args(args...));
}

}  // namespace convoy
