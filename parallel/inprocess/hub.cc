// What the workers of an in-process group share: who has joined which collective, and the end.
#include "parallel/inprocess/hub.h"

#include <fmt/format.h>

#include <numeric>
#include <utility>

#include "core/error.h"

namespace convoy {
namespace {

std::vector<int> FirstNumbers(int count) {
  std::vector<int> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

}  // namespace

Hub::Hub(int size) : ranks_(FirstNumbers(size)), finished_(ranks_.size()), joined_(ranks_.size()) {}

std::shared_ptr<Collective> Hub::Join(int rank, const CollectiveCall& request) {
  const std::lock_guard lock(mutex_);
  ThrowIfAborted();
  const uint64_t number = joined_[static_cast<size_t>(rank)]++;
  if (number - first_open_ == open_.size()) {
    open_.push_back(std::make_shared<Collective>(event_, number + 1, ranks_));
  }
  const std::shared_ptr<Collective> collective = open_[number - first_open_];
  if (collective->Join(rank, request)) {
    open_.pop_front();  // whoever is in this one is in all before it
    ++first_open_;
    StartLocked(*collective);
  }
  return collective;
}

std::shared_ptr<Collective> Hub::JoinMessage(int source, int destination, int tag,
                                             const CollectiveCall& request) {
  const std::lock_guard lock(mutex_);
  ThrowIfAborted();
  const int side = request.kind == CollectiveKind::kSend ? 0 : 1;
  const auto [at, is_new] = messages_.try_emplace({source, destination, tag});
  auto& queue = at->second;
  if (queue.empty() || queue.front()->HasJoined(side)) {
    queue.push_back(std::make_shared<Collective>(event_, 0, std::vector<int>{source, destination}));
    queue.back()->Join(side, request);
    return queue.back();
  }
  const std::shared_ptr<Collective> message = queue.front();
  queue.pop_front();
  if (queue.empty()) messages_.erase(at);
  message->Join(side, request);
  StartLocked(*message);
  return message;
}

void Hub::StartLocked(Collective& collective) {
  if (const std::string mismatch = collective.Mismatch(); !mismatch.empty()) {
    AbortLocked(mismatch);
    ThrowIfAborted();
  }
  collective.Start();
}

void Hub::Abort(const std::string& reason) noexcept {
  const std::lock_guard lock(mutex_);
  AbortLocked(reason);
}

void Hub::AbortLocked(const std::string& reason) {
  if (aborted_.load(std::memory_order_relaxed)) return;
  reason_ = reason;
  aborted_.store(true, std::memory_order_release);
  event_.Signal();
}

void Hub::Finish(int rank) noexcept {
  const std::lock_guard lock(mutex_);
  finished_[static_cast<size_t>(rank)] = true;
  event_.Signal();
}

void Hub::ThrowIfAborted() const {
  if (aborted_.load(std::memory_order_acquire)) [[unlikely]]
    throw Error(reason_);
}

void Hub::ThrowIfDeserted(const Collective& collective, CollectiveKind waiting_in) {
  const std::lock_guard lock(mutex_);
  const std::vector<int>& members = collective.members();
  for (size_t m = 0; m < members.size(); ++m) {
    if (collective.HasJoined(static_cast<int>(m)) || !finished_[static_cast<size_t>(members[m])]) {
      continue;
    }
    AbortLocked(
        fmt::format("[{0}] worker {1} has finished while others wait in {0}; all workers "
                    "must make the same calls",
                    Name(waiting_in), members[m]));
    ThrowIfAborted();
  }
}

}  // namespace convoy
