// Text that comes from outside, as it may be shown in a message.
#pragma once

#include <string>
#include <string_view>

namespace convoy {

/// `text` without anything that a terminal would obey: control characters (those of ASCII, line
/// ends and tabs among them, and U+0080 to U+009F) and bytes that are no UTF-8 become `\xNN`, one
/// for each byte. All else stays as it is, so the result is one line of valid UTF-8.
std::string Printable(std::string_view text);

}  // namespace convoy
