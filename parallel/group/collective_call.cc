// One worker's call of a collective, as every transport is handed it.
#include "parallel/group/collective_call.h"

#include <fmt/format.h>

namespace convoy {

CollectiveSignature SignatureOf(const CollectiveCall& call) {
  CollectiveSignature signature{.kind = call.kind, .op = call.op, .root = call.root};
  if (call.input.defined()) {
    signature.dtype = call.input.dtype();
    signature.numel = call.input.numel();
  }
  return signature;
}

bool NeedsAll(const CollectiveCall& call) {
  switch (call.kind) {
    case CollectiveKind::kBarrier:
      return true;
    case CollectiveKind::kAllReduce:
    case CollectiveKind::kReduceScatter:
    case CollectiveKind::kAllGather:
    case CollectiveKind::kAllToAll:
      return call.input.defined() && call.input.numel() > 0;
    default:
      return false;
  }
}

std::string DescribeCall(const CollectiveCall& call) {
  std::string text(Name(call.kind));
  if (call.input.defined()) {
    text += fmt::format(" of {} {} ({:.1f} KiB)", Name(call.input.dtype()), call.input.numel(),
                        static_cast<double>(call.input.bytes()) / 1024);
  }
  return call.what.empty() ? text : fmt::format("{}, {}", call.what, text);
}

}  // namespace convoy
