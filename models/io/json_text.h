// Limits on JSON texts, checked before they are parsed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <string>
#include <string_view>

namespace convoy {

/// The most that a reader takes; what it needs is far below.
struct JsonLimits {
  int depth = 32;                                        ///< of arrays and objects in each other
  int64_t values = std::numeric_limits<int64_t>::max();  ///< keys count as well
  size_t string_bytes = 1 << 20;                         ///< of one string, as it is written
};

/// Looks through a text before it is parsed; takes no memory. A text that is no JSON may pass: up
/// to its first mistake it is within the limits all the same.
/// Throws: Error that says which limit it exceeds, without a component or the name of a file.
void CheckJsonText(std::string_view text, const JsonLimits& limits);

/// What a parser's exception says, made printable and cut to a line's length: it quotes the text.
std::string JsonProblem(const std::exception& problem);

/// The beginning of a text of a file, made printable: enough to recognise it.
std::string Excerpt(std::string_view text);

}  // namespace convoy
