// The part of a process group that all transports share: arguments are checked, subgroups made.
#include "parallel/group/checked_group.h"

#include <fmt/format.h>

#include "core/base/error.h"

namespace convoy {
namespace {

CollectiveCall MakeCall(CollectiveKind kind, const Tensor& input, const Tensor& output) {
  return {.kind = kind, .input = input.Detach(), .output = output.Detach()};
}

uintptr_t AddressOf(const Tensor& tensor) { return reinterpret_cast<uintptr_t>(tensor.raw_data()); }

bool Overlap(const Tensor& a, const Tensor& b) {
  return a.bytes() > 0 && b.bytes() > 0 && AddressOf(a) < AddressOf(b) + b.bytes() &&
         AddressOf(b) < AddressOf(a) + a.bytes();
}

}  // namespace

Work CheckedGroup::Begin(CollectiveCall call) {
  call.id = records_.Add(call);
  try {
    return Start(call);
  } catch (...) {
    records_.Failed(call.id);
    throw;
  }
}

Work CheckedGroup::AllReduce(const Tensor& tensor, ReduceOp op, std::string_view what) {
  CheckReducible(CollectiveKind::kAllReduce, tensor);
  CollectiveCall call = MakeCall(CollectiveKind::kAllReduce, tensor, tensor);
  call.op = op;
  call.what = what;
  return Begin(call);
}

Work CheckedGroup::Broadcast(const Tensor& tensor, int root) {
  CheckInput(CollectiveKind::kBroadcast, tensor);
  CheckRank(CollectiveKind::kBroadcast, "root", root);
  CollectiveCall call = MakeCall(CollectiveKind::kBroadcast, tensor, tensor);
  call.root = root;
  return Begin(call);
}

Work CheckedGroup::AllGather(const Tensor& input, const Tensor& output, std::string_view what) {
  CheckInput(CollectiveKind::kAllGather, input);
  CheckOutput(CollectiveKind::kAllGather, input, output, input.numel() * size());
  CheckPart(CollectiveKind::kAllGather, "input", input, "output", output);
  CollectiveCall call = MakeCall(CollectiveKind::kAllGather, input, output);
  call.what = what;
  return Begin(call);
}

Work CheckedGroup::ReduceScatter(const Tensor& input, const Tensor& output, ReduceOp op,
                                 std::string_view what) {
  CheckReducible(CollectiveKind::kReduceScatter, input);
  CheckDivisible(CollectiveKind::kReduceScatter, input);
  CheckOutput(CollectiveKind::kReduceScatter, input, output, input.numel() / size());
  CheckPart(CollectiveKind::kReduceScatter, "output", output, "input", input);
  CollectiveCall call = MakeCall(CollectiveKind::kReduceScatter, input, output);
  call.op = op;
  call.what = what;
  return Begin(call);
}

Work CheckedGroup::AllToAll(const Tensor& input, const Tensor& output) {
  CheckInput(CollectiveKind::kAllToAll, input);
  CheckDivisible(CollectiveKind::kAllToAll, input);
  CheckOutput(CollectiveKind::kAllToAll, input, output, input.numel());
  const bool alone = size() == 1 && input.raw_data() == output.raw_data();
  CONVOY_CHECK(alone || !Overlap(input, output),
               "[AllToAll] cannot work in place: input and output overlap; give the output memory "
               "of its own");
  return Begin(MakeCall(CollectiveKind::kAllToAll, input, output));
}

Work CheckedGroup::Send(const Tensor& tensor, int destination, int tag) {
  CheckInput(CollectiveKind::kSend, tensor);
  CheckRank(CollectiveKind::kSend, "destination", destination);
  CollectiveCall call = MakeCall(CollectiveKind::kSend, tensor, tensor);
  call.root = destination;
  call.tag = tag;
  return Begin(call);
}

Work CheckedGroup::Recv(const Tensor& tensor, int source, int tag) {
  CheckInput(CollectiveKind::kRecv, tensor);
  CheckRank(CollectiveKind::kRecv, "source", source);
  CollectiveCall call = MakeCall(CollectiveKind::kRecv, tensor, tensor);
  call.root = source;
  call.tag = tag;
  return Begin(call);
}

Tensor CheckedGroup::Gather(const Tensor& input) {
  const Tensor all = Tensor::Empty({input.numel() * size()}, input.options());
  CollectiveCall call = MakeCall(CollectiveKind::kAllGather, input, all);
  call.what = "Split";
  Begin(call).Wait();
  return all;
}

std::shared_ptr<ProcessGroup> CheckedGroup::Split(int color) {
  const Tensor all = Gather(Tensor::Scalar<int32_t>(color, device()));
  const std::vector<int32_t> colors = all.ToVector<int32_t>();
  std::vector<int> ranks;
  for (int r = 0; r < size(); ++r) {
    if (color >= 0 && colors[static_cast<size_t>(r)] == color) ranks.push_back(r);
  }
  std::shared_ptr<CheckedGroup> subgroup = MakeSubgroup(++splits_, color, ranks);
  if (subgroup == nullptr) return nullptr;
  const std::vector<int> all_workers = workers();
  for (const int r : ranks) subgroup->workers_.push_back(all_workers[static_cast<size_t>(r)]);
  subgroups_.push_back(subgroup);
  return subgroup;
}

std::vector<int> CheckedGroup::workers() const {
  return workers_.empty() ? ProcessGroup::workers() : workers_;
}

std::vector<std::shared_ptr<ProcessGroup>> CheckedGroup::subgroups() const {
  return {subgroups_.begin(), subgroups_.end()};
}

std::vector<CollectiveRecord> CheckedGroup::history() {
  UpdateRecords();
  return records_.Records();
}

void CheckedGroup::Barrier() { Begin({}).Wait(); }

void CheckedGroup::CheckInput(CollectiveKind kind, const Tensor& tensor) const {
  CONVOY_CHECK(tensor.defined(), "[{}] got an undefined tensor", Name(kind));
  CheckMemory(kind, tensor);
}

void CheckedGroup::CheckReducible(CollectiveKind kind, const Tensor& tensor) const {
  CheckInput(kind, tensor);
  CONVOY_CHECK(tensor.dtype() != DType::kBool,
               "[{}] wants numbers, got bool; cast to u8 and take the maximum or minimum",
               Name(kind));
}

void CheckedGroup::CheckOutput(CollectiveKind kind, const Tensor& input, const Tensor& output,
                               int64_t numel) const {
  CheckInput(kind, output);
  CONVOY_CHECK(output.dtype() == input.dtype() && output.numel() == numel,
               "[{}] input {} {} wants an output of {} elements, got {} {}", Name(kind),
               Name(input.dtype()), input.shape().ToString(), numel, Name(output.dtype()),
               output.shape().ToString());
}

void CheckedGroup::CheckPart(CollectiveKind kind, const char* part_name, const Tensor& part,
                             const char* whole_name, const Tensor& whole) const {
  const uintptr_t place = AddressOf(whole) + static_cast<size_t>(rank()) * part.bytes();
  CONVOY_CHECK(AddressOf(part) == place || !Overlap(part, whole),
               "[{0}] {1} and {2} overlap, but the {1} is not part {3} of the {2}, of {4} parts: "
               "give this worker's part, or memory of its own",
               Name(kind), part_name, whole_name, rank(), size());
}

void CheckedGroup::CheckDivisible(CollectiveKind kind, const Tensor& input) const {
  CONVOY_CHECK(input.numel() % size() == 0,
               "[{}] input {} cannot be divided into {} equal parts, one per worker", Name(kind),
               input.shape().ToString(), size());
}

void CheckedGroup::CheckRank(CollectiveKind kind, const char* what, int rank) const {
  CONVOY_CHECK(rank >= 0 && rank < size(), "[{}] {} {} is not one of the {} workers", Name(kind),
               what, rank, size());
}

}  // namespace convoy
