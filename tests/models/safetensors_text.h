// Safetensors files as text: put together and changed by hand, not by the code under test.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include "core/base/file.h"

namespace convoy {

inline std::string FileContent(const std::string& path) {
  return ReadWholeFile("test", path, int64_t{1} << 30);
}

/// The header of a safetensors file.
inline std::string HeaderOf(const std::string& content) {
  uint64_t bytes = 0;
  std::memcpy(&bytes, content.data(), sizeof(bytes));
  return content.substr(8, bytes);
}

/// The same data behind another header.
inline std::string WithHeader(const std::string& content, const std::string& header) {
  std::string length(8, '\0');
  const uint64_t bytes = header.size();
  std::memcpy(length.data(), &bytes, sizeof(bytes));
  return length + header + content.substr(8 + HeaderOf(content).size());
}

inline std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

/// A file whose header has `to` wherever it had `from`.
inline std::string Edited(const std::string& content, const std::string& from,
                          const std::string& to) {
  return WithHeader(content, Replaced(HeaderOf(content), from, to));
}

}  // namespace convoy
