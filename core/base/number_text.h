// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace convoy {

/// "1,115,394".
std::string WithCommas(int64_t value);
/// "3.1 MiB", "43.0 KiB".
std::string Bytes(int64_t bytes);
/// "4 s", "2 min 05 s", "1 h 02 min".
std::string Duration(double seconds);

}  // namespace convoy
