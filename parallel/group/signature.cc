// What the workers of a collective must agree on, without its tensors.
#include "parallel/group/signature.h"

#include <fmt/format.h>

namespace convoy {
namespace {

// "f32 (1024)", with kind, operation and root where they are what differs from `other`.
std::string Describe(const CollectiveSignature& signature, const std::string& shape,
                     const CollectiveSignature& other) {
  std::string text;
  if (signature.kind != other.kind) text += fmt::format("{} ", Name(signature.kind));
  if (signature.op != other.op) text += fmt::format("{} ", Name(signature.op));
  if (signature.root != other.root) text += fmt::format("from worker {} ", signature.root);
  if (signature.numel >= 0) {
    text += fmt::format("{} {}", Name(signature.dtype),
                        shape.empty() ? fmt::format("({})", signature.numel) : shape);
  } else {
    text.pop_back();  // a barrier, which differs in kind
  }
  return text;
}

}  // namespace

std::string_view Name(ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum:
      return "sum";
    case ReduceOp::kMax:
      return "max";
    case ReduceOp::kMin:
      break;
  }
  return "min";
}

std::string_view Name(CollectiveKind kind) {
  switch (kind) {
    case CollectiveKind::kAllReduce:
      return "AllReduce";
    case CollectiveKind::kBroadcast:
      return "Broadcast";
    case CollectiveKind::kAllGather:
      return "AllGather";
    case CollectiveKind::kReduceScatter:
      return "ReduceScatter";
    case CollectiveKind::kAllToAll:
      return "AllToAll";
    case CollectiveKind::kBarrier:
      return "Barrier";
    case CollectiveKind::kSend:
      return "Send";
    case CollectiveKind::kRecv:
      return "Recv";
    case CollectiveKind::kReplay:
      break;
  }
  return "Replay";
}

std::string DescribeMismatch(uint64_t number, int worker_a, const CollectiveSignature& a,
                             const std::string& shape_a, int worker_b, const CollectiveSignature& b,
                             const std::string& shape_b) {
  return fmt::format("[{}] workers disagree on collective {}: worker {} {}, worker {} {}",
                     Name(a.kind), number, worker_a, Describe(a, shape_a, b), worker_b,
                     Describe(b, shape_b, a));
}

}  // namespace convoy
