// Messages between two workers of a Gloo group: any number of them may be under way.
#include <chrono>
#include <cstring>
#include <memory>
#include <mutex>
#include <utility>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/start_thread.h"
#include "parallel/transport/gloo/gloo_call.h"
#include "parallel/transport/gloo/gloo_group.h"

namespace convoy::transport {
namespace {

using Clock = std::chrono::steady_clock;

uint64_t SlotOfMessage(const CollectiveCall& call) {
  const uint64_t form =
      MixBits(MixBits(static_cast<uint64_t>(call.input.dtype()) + 1) + call.input.bytes());
  return kMessageSlot | static_cast<uint64_t>(static_cast<uint32_t>(call.tag)) << 31 | form >> 33;
}

}  // namespace

void GlooGroup::StartMessage(const std::shared_ptr<Call>& call) {
  peers_.ThrowIfFailed();
  const CollectiveCall& message = call->call;
  const size_t bytes = message.input.bytes();
  if (message.root == rank()) {
    MatchOwn(call);
  } else if (bytes == 0) {
    call->done = true;
    records().Done(message.id);
  } else {
    if (!messenger_.joinable()) {
      messenger_ =
          StartThread("Gloo", "gloo messages", [this] { Guarded(&GlooGroup::RunMessages); });
    }
    call->started = Clock::now();
    records().Started(message.id, call->started);
    call->slot = SlotOfMessage(message);
    call->buffer = std::make_unique<MeshBuffer>(mesh_, message.input.raw_data(), bytes);
    if (message.kind == CollectiveKind::kSend) {
      call->buffer->Send(message.root, call->slot, 0, bytes);
    } else {
      call->buffer->Recv(message.root, call->slot, 0, bytes);
    }
    const std::lock_guard lock(mutex_);
    messages_.push_back(call);
    message_.notify_one();
  }
}

// Gloo moves messages by itself, whatever this thread waits for: it only finds out which of those
// that nobody waits for have ended. One after the other has a turn, until another one wants it.
void GlooGroup::RunMessages() {
  std::unique_lock lock(mutex_);
  while (true) {
    std::shared_ptr<Call> call;
    message_.wait(lock, [&] { return stop_ || (call = TakeMessage()) != nullptr; });
    if (stop_ || peers_.failed()) return;
    watched_ = call;
    lock.unlock();
    Run(*call, [&] { return call->buffer->WaitUnlessInterrupted(); });
    lock.lock();
    watched_ = nullptr;
    if (call->done) continue;
    call->taken = false;
    messages_.push_back(call);
    ended_.notify_all();
  }
}

std::shared_ptr<GlooGroup::Call> GlooGroup::TakeMessage() {
  std::shared_ptr<Call> call = std::exchange(wanted_, nullptr);
  if (call != nullptr) std::erase(messages_, call);
  while ((call == nullptr || call->taken) && !messages_.empty()) {
    call = messages_.front();
    messages_.pop_front();
  }
  if (call == nullptr || call->taken) return nullptr;
  call->taken = true;
  return call;
}

// With mutex_ held.
void GlooGroup::PassTurn() {
  if (watched_ != nullptr && (wanted_ != nullptr || !messages_.empty()))
    watched_->buffer->Interrupt();
}

void GlooGroup::AskFor(const std::shared_ptr<Call>& call) {
  const std::lock_guard lock(mutex_);
  if (call->buffer == nullptr || call->taken) return;
  wanted_ = call;
  PassTurn();
  message_.notify_one();
}

void GlooGroup::MatchOwn(const std::shared_ptr<Call>& call) {
  auto& waiting = own_[call->call.tag];
  if (waiting.empty() || waiting.front()->call.kind == call->call.kind) {
    waiting.push_back(call);
    return;
  }
  const std::shared_ptr<Call> other = waiting.front();
  waiting.pop_front();
  const bool sends = call->call.kind == CollectiveKind::kSend;
  const Tensor& from = sends ? call->call.input : other->call.input;
  const Tensor& to = sends ? other->call.input : call->call.input;
  CONVOY_CHECK(from.dtype() == to.dtype() && from.numel() == to.numel(),
               "[Recv] worker {} expects {} {}, but sends itself {} {}", peers_.worker(),
               Name(to.dtype()), to.shape().ToString(), Name(from.dtype()),
               from.shape().ToString());
  if (from.bytes() > 0) std::memmove(to.raw_data(), from.raw_data(), from.bytes());
  records().Done(call->call.id);
  records().Done(other->call.id);
  const std::lock_guard lock(mutex_);
  call->done = other->done = true;
}

}  // namespace convoy::transport
