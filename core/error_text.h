// What an exception says to a user, when it is none of the library's own.
#pragma once

#include <exception>
#include <string>

namespace convoy {

/// The message of `error`. An Error has its own. For what the C++ library throws when the host has
/// no more memory (std::bad_alloc) or threads, or when a size is beyond any memory, it says what is
/// in use, what limits there are, and the way out.
std::string ErrorText(const std::exception& error);

}  // namespace convoy
