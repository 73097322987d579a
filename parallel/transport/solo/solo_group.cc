// The group of a worker that is alone on any kind of device.
#include "parallel/transport/solo/solo_group.h"

#include <memory>
#include <utility>

#include "core/base/error.h"

namespace convoy::transport {

// A message to oneself, of which one half may be missing.
class SoloGroup::Message final : public Work::Impl {
 public:
  explicit Message(CollectiveCall call) : first_(std::move(call)) {}

  CollectiveKind kind() const { return first_.kind; }
  uint64_t id() const { return first_.id; }

  void Match(const CollectiveCall& second) {
    const bool sent = first_.kind == CollectiveKind::kSend;
    const Tensor& from = sent ? first_.input : second.input;
    const Tensor& to = sent ? second.input : first_.input;
    CONVOY_CHECK(from.dtype() == to.dtype() && from.numel() == to.numel(),
                 "[Recv] worker 0 expects {} {}, but worker 0 sends {} {}", Name(to.dtype()),
                 to.shape().ToString(), Name(from.dtype()), from.shape().ToString());
    to.View(from.shape()).CopyFrom(from);
    first_ = {};
    done_ = true;
  }

  void Wait() override {
    CONVOY_CHECK(done_,
                 "[{0}] the only worker waits for itself: call both Send and Recv, then wait",
                 Name(first_.kind));
  }
  bool Done() override { return done_; }
  WorkTimes times() const override { return {}; }

 private:
  CollectiveCall first_;
  bool done_ = false;
};

Work SoloGroup::Start(const CollectiveCall& call) {
  if (page_->failed()) throw Error(page_->failure());
  switch (call.kind) {
    case CollectiveKind::kBarrier:
      break;
    case CollectiveKind::kSend:
    case CollectiveKind::kRecv: {
      auto& waiting = messages_[call.tag];
      if (!waiting.empty() && waiting.front()->kind() != call.kind) {
        const std::shared_ptr<Message> message = waiting.front();
        waiting.pop_front();
        records().Done(message->id());
        message->Match(call);
        records().Done(call.id);
        return Work(message);
      }
      waiting.push_back(std::make_shared<Message>(call));
      return Work(waiting.back());
    }
    default:
      if (call.input.raw_data() != call.output.raw_data()) {
        call.output.View(call.input.shape()).CopyFrom(call.input);
      }
  }
  records().Done(call.id);
  return {};
}

std::shared_ptr<CheckedGroup> SoloGroup::MakeSubgroup(uint64_t, int,
                                                      const std::vector<int>& ranks) {
  if (ranks.empty()) return nullptr;
  return std::make_shared<SoloGroup>(device_, page_);
}

void SoloGroup::CheckMemory(CollectiveKind kind, const Tensor& tensor) const {
  CONVOY_CHECK(tensor.device() == device_, "[{}] this worker's tensors are on {}, got one on {}",
               Name(kind), device_.ToString(), tensor.device().ToString());
}

}  // namespace convoy::transport
