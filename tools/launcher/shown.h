// What others say, as messages quote it.
#pragma once

#include <string>
#include <string_view>

namespace convoy {

/// The first `max` bytes of `text`, whole characters, and "..." if there are more; Printable.
std::string Shown(std::string_view text, size_t max);

}  // namespace convoy
