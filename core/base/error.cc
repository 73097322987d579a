// The one exception type of the library, and the check that throws it.
#include "core/base/error.h"

#include <fmt/format.h>

#include "core/base/printable.h"

namespace convoy::internal {

void ThrowError(fmt::string_view format, fmt::format_args args) {
  // Names and texts of files and peers are part of messages, and these go to terminals.
  throw Error(PrintableText(fmt::vformat(format, args)));
}

}  // namespace convoy::internal
