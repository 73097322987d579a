// Text that comes from outside, as it may be shown in a message.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace convoy {

/// `text` without anything that a terminal would obey: control characters (those of ASCII, line
/// ends and tabs among them, and U+0080 to U+009F), what ends a line or turns the direction of
/// writing in Unicode (U+2028, U+202E and their like), and bytes that are no UTF-8 become `\xNN`,
/// one for each byte. All else stays as it is, so the result is one line of valid UTF-8, and what
/// is printable already is not changed.
///
/// For names, texts and messages that come from files, peers and other programs, wherever they are
/// shown: a terminal, an error, a table, a page. Error does this by itself, but for lines' ends.
std::string Printable(std::string_view text);

/// The same for a text of several lines: lines' ends (those of Windows, CR LF, too) and tabs stay.
std::string PrintableText(std::string_view text);

/// Printable, but only the first `max` bytes of `text`, whole characters, and "..." if there are
/// more.
std::string PrintableStart(std::string_view text, size_t max);

}  // namespace convoy
