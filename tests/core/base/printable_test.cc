// Text from outside in messages: readable as it was, and nothing that a terminal would obey.
#include "core/base/printable.h"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

namespace convoy {
namespace {

TEST_CASE("Text of any language stays as it is") {
  for (const char* text : {"", "layers.0.weight", "a\\b 'c' ~", "Grüße", "数据",
                           "\u00a0\u07ff\u0800", "\U00010000\U0001F600\U0010FFFF"}) {
    CHECK(Printable(text) == text);
  }
}

TEST_CASE("Control characters are shown by their bytes") {
  CHECK(Printable("\x1b]0;evil\x07") == "\\x1b]0;evil\\x07");
  CHECK(Printable("a\tb\r\nc\x7f") == "a\\x09b\\x0d\\x0ac\\x7f");
  CHECK(Printable(std::string_view("nul\0l", 5)) == "nul\\x00l");
  // In UTF-8 U+009B is a control sequence's beginning, as ESC [ is.
  CHECK(Printable("\xc2\x9b"
                  "31m\xc2\x80") == "\\xc2\\x9b31m\\xc2\\x80");
}

TEST_CASE("Bytes that are no UTF-8 are shown as bytes, and the characters around them kept") {
  CHECK(Printable("gr\xfc\xdf"
                  "e") == "gr\\xfc\\xdfe");
  CHECK(Printable("\x80\xbf") == "\\x80\\xbf");
  CHECK(Printable("\xc3") == "\\xc3");             // cut short
  CHECK(Printable("\xe6\x95ü") == "\\xe6\\x95ü");  // cut short by another one
  CHECK(Printable("\xf0\x9f\x98") == "\\xf0\\x9f\\x98");
  CHECK(Printable("\xc0\x9b\xe0\x80\x9b") == "\\xc0\\x9b\\xe0\\x80\\x9b");  // overlong
  CHECK(Printable("\xf0\x80\x80\x9b") == "\\xf0\\x80\\x80\\x9b");
  CHECK(Printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");                    // a surrogate
  CHECK(Printable("\xf4\x90\x80\x80\xff") == "\\xf4\\x90\\x80\\x80\\xff");  // beyond Unicode
}

TEST_CASE("In a text of several lines their ends stay, those of Windows too") {
  CHECK(PrintableText("a\tb\nc\r\nd\r\n") == "a\tb\nc\r\nd\r\n");
  // Alone it moves the cursor, so that what follows hides what was before it.
  CHECK(PrintableText("safe\revil\r\r\n\r") == "safe\\x0devil\\x0d\r\n\\x0d");
}

TEST_CASE("A text is cut between characters") {
  CHECK(PrintableStart("abc", 3) == "abc");
  CHECK(PrintableStart("abcd", 3) == "abc...");
  CHECK(PrintableStart("ab\u00fc", 3) == "ab...");
  CHECK(PrintableStart("a\U0001F600b", 4) == "a...");
  CHECK(PrintableStart("\x1b\xff", 3) == "\\x1b\\xff");
  CHECK(PrintableStart("\x80\x80\x80\x80\x80\x80", 5) == "\\x80\\x80...");
}

}  // namespace
}  // namespace convoy
