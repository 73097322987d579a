// Writing to a pipe or a terminal that may take its time, or be gone.
#pragma once

#include <functional>
#include <string_view>

namespace convoy {

/// Writes all of it, however long that takes. `interrupted` is called when a signal comes
/// meanwhile. False if there is nobody at the other end any more.
bool WriteAll(int fd, std::string_view bytes, const std::function<void()>& interrupted = {});

}  // namespace convoy
