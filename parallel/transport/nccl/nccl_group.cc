// The transport between GPUs: collectives of NCCL on a stream of their own.
#include "parallel/transport/nccl/nccl_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "core/base/error.h"
#include "core/cuda/capture_mode.h"
#include "core/cuda/memory.h"
#include "core/cuda/time_mark.h"
#include "core/tensor_impl.h"

namespace convoy::nccl {
namespace {

ncclDataType_t TypeOf(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return ncclFloat32;
    case DType::kF64:
      return ncclFloat64;
    case DType::kBF16:
      return ncclBfloat16;
    case DType::kF16:
      return ncclFloat16;
    case DType::kI32:
      return ncclInt32;
    case DType::kI64:
      return ncclInt64;
    case DType::kU8:
    case DType::kBool:  // moved, never reduced
      break;
  }
  return ncclUint8;
}

ncclRedOp_t OperationOf(ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum:
      return ncclSum;
    case ReduceOp::kMax:
      return ncclMax;
    case ReduceOp::kMin:
      break;
  }
  return ncclMin;
}

size_t Count(int64_t numel) { return static_cast<size_t>(numel); }

ncclResult_t Run(const CollectiveCall& call, int size, ncclComm_t comm, cudaStream_t stream) {
  const Api& api = GetApi();
  const ncclDataType_t type = TypeOf(call.input.dtype());
  const int64_t n = call.input.numel();
  const void* from = call.input.raw_data();
  void* to = call.output.raw_data();
  switch (call.kind) {
    case CollectiveKind::kAllReduce:
      return api.AllReduce(from, to, Count(n), type, OperationOf(call.op), comm, stream);
    case CollectiveKind::kBroadcast:
      return api.Broadcast(from, to, Count(n), type, call.root, comm, stream);
    case CollectiveKind::kAllGather:
      return api.AllGather(from, to, Count(n), type, comm, stream);
    case CollectiveKind::kReduceScatter:
      return api.ReduceScatter(from, to, Count(n / size), type, OperationOf(call.op), comm, stream);
    case CollectiveKind::kAllToAll:
      return api.AlltoAll(from, to, Count(n / size), type, comm, stream);
    case CollectiveKind::kSend:
      return api.Send(from, Count(n), type, call.root, comm, stream);
    case CollectiveKind::kRecv:
      return api.Recv(to, Count(n), type, call.root, comm, stream);
    default:
      return ncclInvalidUsage;
  }
}

}  // namespace

// What has been given to the device as one: its events, and the memory that it uses.
struct NcclGroup::Launched {
  std::vector<uint64_t> calls;              // their ids in the flight recorder
  bool needs_all = false;                   // it is one collective, of which NeedsAll holds
  std::vector<Tensor> tensors;              // alive until the current stream comes after the work
  cudaStream_t issued_on = nullptr;         // the stream whose work it comes after
  uint64_t recording = 0;                   // the graph that it is part of; 0: none
  std::shared_ptr<const cuda::Event> done;  // null: not launched yet
  std::shared_ptr<const TimeMark> started, ended;  // null in a recording
};

// A collective as its user sees it; keeps the worker's end alive.
class NcclGroup::Handle final : public Work::Impl {
 public:
  Handle(std::shared_ptr<NcclGroup> group, std::shared_ptr<Launched> launched)
      : group_(std::move(group)), launched_(std::move(launched)) {}

  ~Handle() override {
    // A caller that does not wait may free the tensors while they are read.
    if (launched_->done == nullptr) return;
    for (const Tensor& tensor : launched_->tensors) {
      try {
        cuda::RecordUse(tensor, group_->lane_->stream.get());
      } catch (const std::exception&) {
        // Memory that is not the pool's.
      }
    }
  }

  void Wait() override {
    group_->peers_.ThrowIfFailed();
    if (launched_->done == nullptr) group_->lane_->SendMessages();
    if (launched_->recording != cuda::recording_graph) return;  // joined in between
    const cudaStream_t stream = cuda::Use(group_->device_);
    launched_->done->MakeWait(stream, "nccl: result");
    if (stream == launched_->issued_on) launched_->tensors.clear();
  }

  bool Done() override {
    group_->peers_.ThrowIfFailed();
    if (launched_->done == nullptr) group_->lane_->SendMessages();
    return launched_->done->Done();
  }

  WorkTimes times() const override {
    const auto at = [](const std::shared_ptr<const TimeMark>& mark) {
      return mark ? mark->at() : std::nullopt;
    };
    return {.started = at(launched_->started), .ended = at(launched_->ended)};
  }

 private:
  const std::shared_ptr<NcclGroup> group_;
  const std::shared_ptr<Launched> launched_;
};

NcclGroup::NcclGroup(const status::Membership& membership)
    : peers_(membership, kTitle),
      device_(membership.device),
      lane_(std::make_shared<Lane>(membership.device)),
      communicator_(peers_, membership.device),
      watcher_(peers_, communicator_, records(), membership.device),
      interrupt_before_(cuda::SetInterrupt(
          [](void* peers) { static_cast<const status::Peers*>(peers)->ThrowIfFailed(); },
          const_cast<status::Peers*>(&peers_))),
      barrier_(Tensor::Zeros({1}, {DType::kI32, membership.device})) {
  lane_->groups.push_back(this);
  cuda::AddSideWork(*this);
}

NcclGroup::NcclGroup(const NcclGroup& of, const std::vector<int>& ranks, const ncclUniqueId& id)
    : peers_(of.peers_, ranks),
      device_(of.device_),
      lane_(of.lane_),
      communicator_(peers_, device_, id),
      watcher_(peers_, communicator_, records(), device_),
      barrier_(Tensor::Zeros({1}, {DType::kI32, device_})) {
  lane_->groups.push_back(this);
  cuda::AddSideWork(*this);
}

std::shared_ptr<CheckedGroup> NcclGroup::MakeSubgroup(uint64_t, int,
                                                      const std::vector<int>& ranks) {
  ncclUniqueId id{};
  if (!ranks.empty() && ranks.front() == rank()) id = MakeId(peers_);
  std::vector<uint8_t> ids(sizeof(id));
  std::memcpy(ids.data(), &id, sizeof(id));
  ids = Gather(Tensor::From({static_cast<int64_t>(sizeof(id))}, ids, device_)).ToVector<uint8_t>();
  if (ranks.empty()) return nullptr;
  std::memcpy(&id, ids.data() + static_cast<size_t>(ranks.front()) * sizeof(id), sizeof(id));
  return std::shared_ptr<NcclGroup>(new NcclGroup(*this, ranks, id));
}

void NcclGroup::Lane::SendMessages() {
  for (NcclGroup* group : groups) group->SendMessages();
}

NcclGroup::~NcclGroup() {
  cuda::RemoveSideWork(*this);
  std::erase(lane_->groups, this);
  try {
    for (const Registered& it : registered_) {
      if (it.handle == nullptr) continue;
      communicator_.Try("CommDeregister",
                        [&](ncclComm_t comm) { return GetApi().CommDeregister(comm, it.handle); });
    }
  } catch (const std::exception&) {
    // The run has failed, and the communicator with it.
  }
  if (!peers_.is_subgroup()) cuda::SetInterrupt(interrupt_before_.first, interrupt_before_.second);
}

void NcclGroup::CheckMemory(CollectiveKind kind, const Tensor& tensor) const {
  CONVOY_CHECK(tensor.device() == device_,
               "[{}] worker {}'s transport wants tensors on {}, got one on {}", Name(kind), rank(),
               device_.ToString(), tensor.device().ToString());
}

uint64_t NcclGroup::Announce(const CollectiveSignature& signature, const std::string& what) {
  peers_.Announce(calls_ + 1, signature, what);
  return ++calls_;
}

void NcclGroup::LaunchOn(Launched& launched, uint64_t number, const std::string& what,
                         const char* name,
                         const std::function<ncclResult_t(ncclComm_t, cudaStream_t)>& calls) {
  const cudaStream_t current = cuda::Use(device_);
  launched.issued_on = current;
  launched.recording = cuda::recording_graph;
  const auto input = std::make_shared<cuda::Event>(device_);
  const auto done = std::make_shared<cuda::Event>(device_);
  input->Record(current);
  input->MakeWait(lane_->stream.get(), "nccl: input");
  launched.started = cuda::MarkTime(device_, lane_->stream.get());
  communicator_.Call(name, [&](ncclComm_t comm) { return calls(comm, lane_->stream.get()); });
  launched.ended = cuda::MarkTime(device_, lane_->stream.get());
  done->Record(lane_->stream.get());
  launched.done = done;
  last_done_ = done;
  last_recording_ = launched.recording;
  // What is recorded happens at every replay, which Watch is told of.
  if (!cuda::recording_graph) {
    return watcher_.Add({number, launched.calls, what, input, done, launched.needs_all});
  }
  for (const uint64_t call : launched.calls) records().Recorded(call);
}

Work NcclGroup::Start(const CollectiveCall& call) {
  if (call.kind == CollectiveKind::kSend || call.kind == CollectiveKind::kRecv) {
    return QueueMessage(call);
  }
  lane_->SendMessages();
  const std::string what = DescribeCall(call);
  const uint64_t number = Announce(SignatureOf(call), what);
  const auto launched = std::make_shared<Launched>();
  launched->calls = {call.id};
  launched->needs_all = NeedsAll(call);
  launched->tensors = {call.input, call.output};
  LaunchOn(*launched, number, what, Name(call.kind).data(),
           [&](ncclComm_t comm, cudaStream_t stream) {
             return call.input.numel() == 0 ? ncclSuccess : Run(call, size(), comm, stream);
           });
  return Work(std::make_shared<Handle>(shared_from_this(), launched));
}

Work NcclGroup::QueueMessage(const CollectiveCall& call) {
  peers_.ThrowIfFailed();
  // One record for all messages that go together.
  const auto launched =
      messages_.empty() ? std::make_shared<Launched>() : messages_.front().launched;
  launched->calls.push_back(call.id);
  launched->tensors.push_back(call.input);
  messages_.push_back({call, launched});
  return Work(std::make_shared<Handle>(shared_from_this(), launched));
}

void NcclGroup::SendMessages() {
  if (messages_.empty()) return;
  const std::shared_ptr<Launched> launched = messages_.front().launched;
  // NCCL matches by the order of the calls; both sides bring theirs into the order of the tags.
  std::vector<Message> messages = std::exchange(messages_, {});
  std::stable_sort(messages.begin(), messages.end(),
                   [](const Message& a, const Message& b) { return a.call.tag < b.call.tag; });
  std::erase_if(messages, [](const Message& m) { return m.call.input.numel() == 0; });
  // Other workers may exchange nothing at this point: messages are not among what all count.
  LaunchOn(*launched, calls_, "messages", "Send and Recv",
           [&](ncclComm_t comm, cudaStream_t stream) {
             ncclResult_t result = GetApi().GroupStart();
             for (const Message& message : messages) {
               if (result != ncclSuccess && result != ncclInProgress) break;
               result = Run(message.call, size(), comm, stream);
             }
             const ncclResult_t end = GetApi().GroupEnd();
             return result != ncclSuccess && result != ncclInProgress ? result : end;
           });
}

// All work is on one stream: what comes after the last comes after all.
void NcclGroup::Join() {
  if (last_done_ == nullptr || last_recording_ != cuda::recording_graph) return;
  last_done_->MakeWait(cuda::Use(device_), "nccl: result");
  last_done_ = nullptr;
}

void NcclGroup::Barrier() {
  lane_->SendMessages();
  const std::string what(Name(CollectiveKind::kBarrier));
  Launched launched{.calls = {records().Add({.kind = CollectiveKind::kBarrier})},
                    .needs_all = true};
  const uint64_t number = Announce({.kind = CollectiveKind::kBarrier}, what);
  LaunchOn(launched, number, what, "AllReduce", [&](ncclComm_t comm, cudaStream_t stream) {
    void* data = barrier_.raw_data();
    return GetApi().AllReduce(data, data, 1, ncclInt32, ncclMax, comm, stream);
  });
  cuda::Synchronize(*launched.done);
  peers_.ThrowIfFailed();
}

void NcclGroup::Register(const Tensor& tensor) {
  const Storage& memory = *tensor.impl()->storage;  // once for all its slices
  for (const Registered& it : registered_) {
    if (it.tensor.impl()->storage.get() == &memory) return;
  }
  Registered entry{.tensor = tensor.Detach()};
  const bool done = memory.bytes() > 0 && communicator_.Try("CommRegister", [&](ncclComm_t comm) {
    return GetApi().CommRegister(comm, memory.data(), memory.bytes(), &entry.handle);
  });
  // If one passes memory that is registered, all must.
  const Tensor all = Tensor::Scalar<int32_t>(done, device_);
  AllReduce(all, ReduceOp::kMin, "registration of gradients").Wait();
  if (all.Item<int32_t>() == 0 && done) {
    communicator_.Try("CommDeregister", [&](ncclComm_t comm) {
      return GetApi().CommDeregister(comm, std::exchange(entry.handle, nullptr));
    });
  }
  registered_.push_back(std::move(entry));
}

void NcclGroup::Watch(std::string_view what) {
  const std::string text = fmt::format("{} {}", Name(CollectiveKind::kReplay), what);
  const uint64_t call = records().Add({.kind = CollectiveKind::kReplay, .what = what});
  const uint64_t number = Announce({.kind = CollectiveKind::kReplay}, text);
  const auto done = std::make_shared<cuda::Event>(device_);
  done->Record(cuda::Use(device_));
  watcher_.Add({number, {call}, text, nullptr, done});
}

void NcclGroup::Finish() noexcept {
  try {
    lane_->SendMessages();
    if (!peers_.is_subgroup())
      peers_.page().set_state(rank(), status::StatusPage::State::kFinished);
  } catch (const std::exception& error) {
    peers_.Fail(error.what());
  }
}

}  // namespace convoy::nccl
