// What a TOML text may cost whoever parses it.
#include "parallel/toml_text.h"

#include <algorithm>
#include <cstddef>

#include "core/error.h"

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

}  // namespace

void CheckTomlText(std::string_view text, const std::string& name, const std::string& component) {
  int dots = 0, items = 0;
  const auto fail = [&](size_t at, const char* what, int most) {
    const std::string_view before = text.substr(0, at);
    Fail("[{}] {}:{}: {}, and {} are the most", component, name,
         1 + std::count(before.begin(), before.end(), '\n'), what, most);
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
      case '=':
      case ',':
      case '[':
      case '{':
        ++items;
        dots = 0;
        break;
      case '\n':
      case ']':
      case '}':
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
