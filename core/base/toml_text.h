// Limits on TOML texts, checked before they are parsed.
#pragma once

#include <string>
#include <string_view>

namespace convoy {

/// Looks through a text before it is parsed; takes no memory. toml++ recurses over the parts of a
/// dotted key, and makes a table for each; a value takes it a hundred bytes or more. A text that is
/// no TOML may pass: up to its first mistake it is within the limits all the same.
/// Throws: Error naming `component`, `name` and the line if a key has more than 32 parts, or the
/// text more than 200,000 keys and values.
void CheckTomlText(std::string_view text, const std::string& name, const std::string& component);

}  // namespace convoy
