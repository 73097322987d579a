// What is a character of UTF-8, and what is not.
#include "core/base/utf8.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>

namespace convoy {
namespace {

TEST_CASE("Every code point is read as it was written") {
  for (char32_t code = 0; code <= 0x10ffff; ++code) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    std::string text;
    AppendUtf8(code, text);
    const auto [read, bytes] = FirstCharacter(text + "x");
    if (read == code && static_cast<size_t>(bytes) == text.size()) continue;
    FAIL("code point " << static_cast<uint32_t>(code) << " is read as "
                       << static_cast<uint32_t>(read));
  }
}

TEST_CASE("What is no UTF-8 is no character") {
  for (const std::string text : {
           "",
           "\x80",
           "\xbf",
           "\xc3",
           "\xe2\x82",
           "\xf0\x9f\x98",  // cut off
           "\xc3(",
           "\xe2(\x82",
           "\xf0\x9f\x98(",  // interrupted
           "\xc0\xaf",
           "\xc1\xbf",
           "\xe0\x80\xaf",
           "\xf0\x80\x80\xaf",  // overlong
           "\xed\xa0\x80",
           "\xed\xbf\xbf",  // surrogates
           "\xf4\x90\x80\x80",
           "\xf8\x88\x80\x80\x80",
           "\xfe",
           "\xff",  // beyond U+10FFFF
       }) {
    INFO(text);
    CHECK(FirstCharacter(text).bytes == 0);
  }
}

TEST_CASE("Texts are counted and cut by characters") {
  const std::string text = "a\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80";
  CHECK(CountCharacters("") == 0);
  CHECK(CountCharacters(text) == 4);
  CHECK(CountCharacters("a\xff\xe2\x82z") == 5);  // each byte that is no character counts as one
  CHECK(LeadingCharacters(text, 0).empty());
  CHECK(LeadingCharacters(text, 2) == "a\xc3\xa9");
  CHECK(LeadingCharacters(text, 3) == "a\xc3\xa9\xe6\xbc\xa2");
  CHECK(LeadingCharacters(text, 9) == text);
  CHECK(LeadingCharacters("\xff\xfe", 1) == "\xff");
}

}  // namespace
}  // namespace convoy
