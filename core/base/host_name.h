// What this machine calls itself.
#pragma once

#include <string>

namespace convoy {

/// "node7"; "this host" if it has no name. A container and a network namespace may have another.
std::string HostName();

}  // namespace convoy
