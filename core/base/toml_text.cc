// Limits on TOML texts, checked before they are parsed.
#include "core/base/toml_text.h"

#include <algorithm>
#include <cstddef>

#include "core/base/error.h"

namespace convoy {
namespace {

constexpr int kMaxParts = 32;       // of a key
constexpr int kMaxItems = 200'000;  // keys and values

// The place behind the string whose first quote is at `at`. One of a single line ends with the line
// if nothing else ends it: the parser stops there.
size_t AfterString(std::string_view text, size_t at) {
  const char quote = text[at];
  const bool long_string = text.substr(at, 3) == std::string(3, quote);
  const bool escapes = quote == '"';
  for (at += long_string ? 3 : 1; at < text.size(); ++at) {
    if (escapes && text[at] == '\\') {
      ++at;
    } else if (long_string && text.substr(at, 3) == std::string(3, quote)) {
      // One or two quotes more belong to the text.
      for (int more = 0; more < 2 && at + 3 < text.size() && text[at + 3] == quote; ++more) ++at;
      return at + 3;
    } else if (!long_string && (text[at] == quote || text[at] == '\n')) {
      return text[at] == quote ? at + 1 : at;
    }
  }
  return text.size();
}

// Whether what stands behind the '[' at `at`, which opens a table's heading, is a key's first
// character, the end of the heading or that of the text.
bool OpensHeading(std::string_view text, size_t at) {
  ++at;
  if (at < text.size() && text[at] == '[') ++at;
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  if (at == text.size()) return true;
  const char next = text[at];
  return (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') ||
         (next >= '0' && next <= '9') || std::string_view("_-\"'[]").find(next) != text.npos;
}

}  // namespace

void CheckTomlText(std::string_view text, const std::string& name, const std::string& component) {
  int dots = 0, items = 0, depth = 0;  // of brackets in a value
  bool in_value = false;
  const auto line_of = [text](size_t at) {
    return 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  };
  const auto fail = [&](size_t at, const char* what, int most) {
    Fail("[{}] {}:{}: {}, and {} are the most", component, name, line_of(at), what, most);
  };
  for (size_t at = 0; at < text.size();) {
    switch (text[at]) {
      case '"':
      case '\'':
        at = AfterString(text, at);
        continue;
      case '#':
        at = std::min(text.find('\n', at), text.size());
        continue;
      case '.':
        ++items;
        if (++dots >= kMaxParts) fail(at, "a key of too many parts", kMaxParts);
        break;
      case '[':
        // The parser takes for granted that a key follows.
        if (!in_value && !OpensHeading(text, at)) {
          Fail("[{}] {}:{}: expected a table's name behind '['", component, name, line_of(at));
        }
        [[fallthrough]];
      case '{':
        depth += in_value;
        ++items;
        dots = 0;
        break;
      case '=':
        in_value = true;
        [[fallthrough]];
      case ',':
        ++items;
        dots = 0;
        break;
      case ']':
      case '}':
        depth -= depth > 0;
        dots = 0;
        break;
      case '\n':
        if (depth == 0) in_value = false;
        dots = 0;
        break;
      default:
        break;
    }
    if (items > kMaxItems) fail(at, "too many keys and values", kMaxItems);
    ++at;
  }
}

}  // namespace convoy
