// Names of tensors, without what wrappers of PyTorch have put into them.
#pragma once

#include <string>
#include <vector>

namespace convoy {

struct PlainNames {
  std::vector<std::string> names;    ///< one for each that was given
  std::vector<std::string> dropped;  ///< "_orig_mod.", each once
};

/// Drops the components that torch.compile, FSDP and activation checkpointing put anywhere into
/// names, and the prefixes "module." (DistributedDataParallel) and "model." if all names begin with
/// them and the wanted names do not.
PlainNames DropWrappers(const std::vector<std::string>& names,
                        const std::vector<std::string>& wanted);

}  // namespace convoy
