// The one exception type of the library, and the check that throws it.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>

namespace convoy {

/// Thrown on every mistake of a user or of the outside world. The message starts with the op or
/// component in brackets, gives expected and got, and where it helps the way out:
/// `[MatMul] inner dimensions differ: lhs (32, 784), rhs (512, 10)`.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace internal {
[[noreturn]] void ThrowError(fmt::string_view format, fmt::format_args args);
}  // namespace internal

/// Throws Error with an fmt-formatted message.
template <typename... Args>
[[noreturn]] void Fail(fmt::format_string<Args...> format, Args&&... args) {
  internal::ThrowError(format, fmt::make_format_args(args...));
}

}  // namespace convoy

/// Throws Error with the formatted message unless `condition` holds; arguments are evaluated only
/// on failure.
#define CONVOY_CHECK(condition, ...) \
  do {                               \
    if (!(condition)) [[unlikely]]   \
      ::convoy::Fail(__VA_ARGS__);   \
  } while (false)
