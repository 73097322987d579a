// Names of tensors, without what wrappers of PyTorch have put into them.
#include "models/tensor_names.h"

#include <algorithm>
#include <string_view>

namespace convoy {
namespace {

// No module of a user's is called so.
constexpr std::string_view kAnywhere[] = {"_orig_mod.", "_fsdp_wrapped_module.",
                                          "_checkpoint_wrapped_module."};
constexpr std::string_view kAtFront[] = {"module.", "model."};

bool AllBegin(const std::vector<std::string>& names, std::string_view prefix) {
  return !names.empty() && std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return name.starts_with(prefix);
  });
}

/// Whether a component of a name was removed. It begins the name or follows a dot.
bool Remove(std::string_view component, std::string& name) {
  bool removed = false;
  for (size_t at = name.find(component); at != name.npos; at = name.find(component, at)) {
    if (at > 0 && name[at - 1] != '.') {
      ++at;
      continue;
    }
    name.erase(at, component.size());
    removed = true;
  }
  return removed;
}

}  // namespace

PlainNames DropWrappers(const std::vector<std::string>& names,
                        const std::vector<std::string>& wanted) {
  PlainNames plain{names, {}};
  for (const std::string_view component : kAnywhere) {
    bool removed = false;
    for (std::string& name : plain.names) removed = Remove(component, name) || removed;
    if (removed) plain.dropped.emplace_back(component);
  }
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view prefix : kAtFront) {
      if (!AllBegin(plain.names, prefix) || AllBegin(wanted, prefix)) continue;
      for (std::string& name : plain.names) name.erase(0, prefix.size());
      if (std::find(plain.dropped.begin(), plain.dropped.end(), prefix) == plain.dropped.end()) {
        plain.dropped.emplace_back(prefix);
      }
      again = true;
    }
  }
  return plain;
}

}  // namespace convoy
