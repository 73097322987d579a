// What the fuzz targets share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace convoy {

/// Ends the process, which the fuzzer takes for a find, unless `condition` holds.
inline void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

inline std::string_view AsText(const uint8_t* data, size_t bytes) {
  return {reinterpret_cast<const char*>(data), bytes};
}

/// A message or text that is shown: it begins with `start`, is UTF-8, and nothing in it is a
/// command to a terminal.
inline void RequireShowable(std::string_view text, std::string_view start) {
  Require(text.starts_with(start), "an error says where");
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](size_t at) {
      return at < text.size() ? static_cast<uint8_t>(text[at]) : uint8_t{0};
    };
    const bool line_end = text[i] == '\n' || (text[i] == '\r' && byte(i + 1) == '\n');
    Require((byte(i) >= 0x20 && byte(i) != 0x7f) || line_end || text[i] == '\t',
            "no control character");
    Require(byte(i) != 0xc2 || byte(i + 1) >= 0xa0, "no C1 control character");
    Require(byte(i) < 0xc2 || (byte(i + 1) & 0xc0) == 0x80, "UTF-8");
  }
}

}  // namespace convoy
