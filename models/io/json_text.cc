// Limits on JSON texts, checked before they are parsed.
#include "models/io/json_text.h"

#include "core/base/error.h"
#include "core/base/printable.h"

namespace convoy {
namespace {

// The end of the string that begins behind the quote at `at`: the place of its closing quote, or
// the end of the text.
size_t StringEnd(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at;
}

}  // namespace

void CheckJsonText(std::string_view text, const JsonLimits& limits) {
  int depth = 0;
  int64_t values = 1;
  for (size_t at = 0; at < text.size(); ++at) {
    switch (text[at]) {
      case '"': {
        const size_t end = StringEnd(text, at);
        CONVOY_CHECK(end - at <= limits.string_bytes,
                     "a string has more than {} bytes: it begins with '{}'", limits.string_bytes,
                     Excerpt(text.substr(at + 1, 64)));
        at = end;
        continue;
      }
      case '[':
      case '{':
        ++values;
        CONVOY_CHECK(++depth <= limits.depth, "nested too deep: {} levels are the most",
                     limits.depth);
        break;
      case ']':
      case '}':
        --depth;
        break;
      case ',':
      case ':':
        ++values;
        break;
      default:
        break;
    }
    CONVOY_CHECK(values <= limits.values, "it has more than {} keys and values", limits.values);
  }
}

std::string JsonProblem(const std::exception& problem) {
  return PrintableStart(problem.what(), 240);
}

std::string Excerpt(std::string_view text) { return PrintableStart(text, 64); }

}  // namespace convoy
