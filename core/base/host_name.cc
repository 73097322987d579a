// What this machine calls itself.
#include "core/base/host_name.h"

#include <unistd.h>

namespace convoy {

std::string HostName() {
  char name[256] = {};
  const bool has_name = gethostname(name, sizeof(name) - 1) == 0 && name[0] != '\0';
  return has_name ? name : "this host";
}

}  // namespace convoy
