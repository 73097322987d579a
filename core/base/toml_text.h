// Limits on TOML texts, checked before they are parsed.
#pragma once

#include <string>
#include <string_view>

namespace convoy {

/// Checks the size of a TOML text before it is parsed, without allocating. The limits are needed
/// since toml++ recurses over the parts of a dotted key, makes a table for each part, and spends a
/// hundred bytes or more on each value. A text that is not valid TOML may pass: the parser stops at
/// its first mistake, and up to there the text is within the limits. Throws: Error naming
/// `component`, `name` and the line if a key has more than 32 parts, or the text more than 200,000
/// keys and values.
void CheckTomlText(std::string_view text, const std::string& name, const std::string& component);

}  // namespace convoy
