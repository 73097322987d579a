// The transport between CPU workers in processes of their own, on one host or several: Gloo's TCP.
#include "parallel/transport/gloo/gloo_group.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/start_thread.h"
#include "core/error_text.h"
#include "parallel/transport/gloo/gloo_call.h"

namespace convoy::transport {
namespace {

using Clock = std::chrono::steady_clock;

// Workers whose calls differ find no common slot: nothing is moved between them, and the status
// page, which all signatures reach soon, tells what differs.
uint64_t SlotOf(uint64_t number, const CollectiveSignature& signature) {
  uint64_t hash = MixBits(number);
  for (const uint64_t field :
       {static_cast<uint64_t>(signature.kind), static_cast<uint64_t>(signature.op),
        static_cast<uint64_t>(signature.dtype), static_cast<uint64_t>(signature.root),
        static_cast<uint64_t>(signature.numel)}) {
    hash = MixBits(hash + field + 0x9e3779b97f4a7c15u);
  }
  return (hash << MeshCollectives::kSlotBits) & ~kMessageSlot;
}

}  // namespace

// A call as its user sees it; keeps the worker's end alive.
class GlooGroup::Handle final : public Work::Impl {
 public:
  Handle(std::shared_ptr<GlooGroup> group, std::shared_ptr<Call> call)
      : group_(std::move(group)), call_(std::move(call)) {}

  void Wait() override { group_->Await(call_); }
  bool Done() override {
    group_->AskFor(call_);
    const std::lock_guard lock(group_->mutex_);
    if (!call_->done) group_->peers_.ThrowIfFailed();
    return call_->done;
  }
  WorkTimes times() const override {
    const std::lock_guard lock(group_->mutex_);
    return call_->times;
  }

 private:
  const std::shared_ptr<GlooGroup> group_;
  const std::shared_ptr<Call> call_;
};

GlooGroup::GlooGroup(const status::Membership& membership, std::shared_ptr<store::Store> store,
                     const MeshPlace& place)
    : peers_(membership, kTitle),
      device_(membership.device),
      store_(std::move(store)),
      name_("gloo/world"),
      mesh_(membership.rank, membership.page->size(), place),
      collectives_(mesh_) {
  status::JoinAndAwaitAll(peers_);
  Connect();
}

GlooGroup::GlooGroup(const GlooGroup& of, const std::vector<int>& ranks, const std::string& name)
    : peers_(of.peers_, ranks),
      device_(of.device_),
      store_(of.store_),
      name_(name),
      mesh_(peers_.rank(), peers_.size(), of.mesh_),
      collectives_(mesh_) {
  Connect();
}

std::shared_ptr<CheckedGroup> GlooGroup::MakeSubgroup(uint64_t number, int color,
                                                      const std::vector<int>& ranks) {
  if (ranks.empty()) return nullptr;
  return std::shared_ptr<GlooGroup>(
      new GlooGroup(*this, ranks, fmt::format("{}/{}.{}", name_, number, color)));
}

void GlooGroup::Connect() {
  connecting_.emplace(peers_.timeout_s());
  try {
    watcher_ = StartThread("Gloo", "gloo watcher", [this] { Guarded(&GlooGroup::RunWatcher); });
    runner_ = StartThread("Gloo", "gloo", [this] { Guarded(&GlooGroup::RunCollectives); });
  } catch (const std::exception& error) {
    peers_.Fail(error.what());
    Stop();
    peers_.ThrowIfFailed();
  }
  try {
    mesh_.Connect(*store_, name_, [this] { peers_.ThrowIfFailed(); });
    const std::lock_guard lock(mutex_);
    connecting_.reset();
  } catch (const std::exception& error) {
    peers_.AwaitDeath();
    if (!peers_.failed()) {
      peers_.Fail(fmt::format("[Gloo] cannot connect the workers{}: {}", peers_.OfGroup(),
                              ErrorText(error)));
    }
    Stop();
    peers_.ThrowIfFailed();
  }
}

GlooGroup::~GlooGroup() { Stop(); }

void GlooGroup::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  queued_.notify_all();
  if (peers_.failed()) mesh_.Abort();  // the watcher may not have come to it
  if (runner_.joinable()) runner_.join();
  {
    const std::lock_guard lock(mutex_);
    watch_ = false;  // not before: what runs may still have to be ended
  }
  queued_.notify_all();
  message_.notify_all();
  mesh_.Abort();  // ends the wait for messages too, and tells the others
  if (messenger_.joinable()) messenger_.join();
  if (watcher_.joinable()) watcher_.join();
}

void GlooGroup::Guarded(void (GlooGroup::*run)()) noexcept {
  try {
    (this->*run)();
  } catch (const std::exception& error) {  // out of memory
    peers_.Fail(ErrorText(error));
    mesh_.Abort();
    { const std::lock_guard lock(mutex_); }  // a thread that has just looked waits by now
    for (std::condition_variable* waits : {&ended_, &queued_, &message_}) waits->notify_all();
  }
}

void GlooGroup::CheckMemory(CollectiveKind kind, const Tensor& tensor) const {
  CONVOY_CHECK(tensor.device().is_cpu(),
               "[{}] the Gloo transport wants tensors in host memory, got one on {}", Name(kind),
               tensor.device().ToString());
}

Work GlooGroup::Start(const CollectiveCall& given) {
  const auto call = std::make_shared<Call>();
  call->call = given;
  call->what = DescribeCall(given);
  call->call.what = {};  // the caller's memory
  if (given.kind == CollectiveKind::kSend || given.kind == CollectiveKind::kRecv) {
    StartMessage(call);
    return Work(std::make_shared<Handle>(shared_from_this(), call));
  }
  const CollectiveSignature signature = SignatureOf(given);
  call->number = calls_ + 1;
  call->slot = SlotOf(call->number, signature);
  peers_.Announce(call->number, signature, call->what);
  ++calls_;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(call);
  }
  queued_.notify_all();
  return Work(std::make_shared<Handle>(shared_from_this(), call));
}

void GlooGroup::Await(const std::shared_ptr<Call>& call) {
  std::unique_lock lock(mutex_);
  awaited_ = call;
  if (call->is_message()) call->since = Clock::now();
  while (!call->done && !peers_.failed()) {
    // Rather than wait for the other thread to wake up.
    if (!call->is_message() && running_ == nullptr) {
      RunNext(lock);
    } else if (call->buffer != nullptr && !std::exchange(call->taken, true)) {
      lock.unlock();
      Run(*call, [&] {
        while (!call->buffer->WaitUnlessInterrupted()) {  // its turn may have been ended just now
        }
        return true;
      });
      lock.lock();
    } else {
      ended_.wait(lock);
    }
  }
  awaited_ = nullptr;
  const bool done = call->done;
  lock.unlock();
  if (!done) peers_.ThrowIfFailed();
}

void GlooGroup::RunCollectives() {
  std::unique_lock lock(mutex_);
  while (true) {
    queued_.wait(lock, [this] { return stop_ || (!queue_.empty() && running_ == nullptr); });
    if (peers_.failed() || (stop_ && queue_.empty())) return;
    if (running_ == nullptr) {
      RunNext(lock);
    } else {
      ended_.wait(lock);
    }
  }
}

void GlooGroup::RunNext(std::unique_lock<std::mutex>& lock) {
  const std::shared_ptr<Call> call = queue_.front();
  queue_.pop_front();
  running_ = call;
  call->since = Clock::now();
  lock.unlock();
  records().Started(call->call.id, call->since);
  peers_.Ready(call->number);
  Run(*call, [&] {
    collectives_.Run(call->call, call->slot);
    if (NeedsAll(call->call)) peers_.AllTookPart(call->number, call->what);
    return true;
  });
  lock.lock();
  running_ = nullptr;
  ended_.notify_all();
  if (!queue_.empty()) queued_.notify_all();
}

void GlooGroup::Run(Call& call, const std::function<bool()>& body) {
  const Clock::time_point start = call.is_message() ? call.started : Clock::now();
  try {
    if (!body()) return;
    const Clock::time_point end = Clock::now();
    records().Done(call.call.id, end);
    const std::lock_guard lock(mutex_);
    call.times = {.started = start, .ended = end};
    call.done = true;
  } catch (const std::exception& error) {
    records().Failed(call.call.id);
    Explain(call, error.what());
  }
  ended_.notify_all();
}

void GlooGroup::Finish() noexcept {
  try {
    for (const auto& subgroup : subgroups()) subgroup->Finish();
    std::unique_lock lock(mutex_);
    ended_.wait(lock,
                [this] { return (queue_.empty() && running_ == nullptr) || peers_.failed(); });
    lock.unlock();
    if (peers_.failed()) return;
    if (peers_.is_subgroup()) return store_->Set(EndKey(rank()), std::to_string(calls_));
    peers_.page().set_state(rank(), status::StatusPage::State::kFinished);
  } catch (const std::exception& error) {
    peers_.Fail(error.what());
  }
}

}  // namespace convoy::transport
