// Printing that ends nothing: a full disk or a closed pipe behind a stream is no exception.
#include "core/base/print.h"

#include <fmt/format.h>

#include <string>

#include "core/base/printable.h"

namespace convoy::internal {
namespace {

void Put(std::FILE* to, const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), to) < text.size()) return;  // ferror(to) tells
}

}  // namespace

void PrintFormatted(std::FILE* to, fmt::string_view format, fmt::format_args args) noexcept {
  try {
    Put(to, fmt::vformat(format, args));
  } catch (...) {  // no memory for the text
  }
}

void WarnFormatted(fmt::string_view format, fmt::format_args args) noexcept {
  try {
    Put(stderr, "warning: " + PrintableText(fmt::vformat(format, args)) + "\n");
  } catch (...) {
  }
}

}  // namespace convoy::internal
