// The one exception type of the library, and the check that throws it.
#include "core/error.h"

#include <fmt/format.h>

namespace convoy::internal {

void ThrowError(fmt::string_view format, fmt::format_args args) {
  throw Error(fmt::vformat(format, args));
}

}  // namespace convoy::internal
