// How wide a text is: in characters, and at most in pixels, whatever font a reader's machine has.
#pragma once

#include <cstddef>
#include <string>

namespace convoy::scaling {

/// `text` in at most `columns` characters (core/base/utf8.h), the last three "..." if it was
/// longer.
std::string Cut(const std::string& text, size_t columns);

/// In pixels, for a font size in pixels. A drawing names Helvetica, but a machine without it takes
/// another font: this is an upper bound for DejaVu Sans and Verdana, the widest of the usual ones.
/// A character outside ASCII is taken to be 1.1 times as wide as it is high.
double TextWidth(const std::string& text, double size, bool bold = false);

/// `text` cut to what is `width` wide.
std::string CutToWidth(const std::string& text, double size, double width);

}  // namespace convoy::scaling
