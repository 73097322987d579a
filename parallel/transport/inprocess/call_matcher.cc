// Matches the calls of an in-process group's workers: who has joined which collective.
#include "parallel/transport/inprocess/call_matcher.h"

#include <fmt/format.h>

#include <numeric>
#include <utility>

#include "core/base/error.h"
#include "parallel/group/rank_list.h"

namespace convoy::transport {
namespace {

std::vector<int> FirstNumbers(int count) {
  std::vector<int> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

}  // namespace

CallMatcher::CallMatcher(std::shared_ptr<status::RunStatus> run)
    : CallMatcher(run, FirstNumbers(run->workers())) {}

CallMatcher::CallMatcher(std::shared_ptr<status::RunStatus> run, std::vector<int> workers)
    : run_(std::move(run)), workers_(std::move(workers)), joined_(workers_.size()) {
  run_->Add(event_);
}

CallMatcher::~CallMatcher() { run_->Remove(event_); }

std::shared_ptr<CallMatcher> CallMatcher::Subgroup(uint64_t number, int color,
                                                   const std::vector<int>& ranks) {
  const std::lock_guard lock(mutex_);
  const auto at = splits_.try_emplace({number, color}).first;
  Split& split = at->second;
  if (split.matcher == nullptr) {
    std::vector<int> workers;
    for (const int rank : ranks) workers.push_back(worker(rank));
    split.matcher = std::make_shared<CallMatcher>(run_, std::move(workers));
  }
  const std::shared_ptr<CallMatcher> matcher = split.matcher;
  if (++split.asked == ranks.size()) splits_.erase(at);
  return matcher;
}

std::shared_ptr<Collective> CallMatcher::Join(int rank, const CollectiveCall& request) {
  const std::lock_guard lock(mutex_);
  ThrowIfAborted();
  const uint64_t number = joined_[static_cast<size_t>(rank)]++;
  if (number - first_open_ == open_.size()) {
    open_.push_back(std::make_shared<Collective>(event_, number + 1, workers_));
  }
  const std::shared_ptr<Collective> collective = open_[number - first_open_];
  if (collective->Join(rank, request)) {
    open_.pop_front();  // its workers are in all before it
    ++first_open_;
    StartLocked(*collective);
  }
  return collective;
}

std::shared_ptr<Collective> CallMatcher::JoinMessage(int source, int destination, int tag,
                                                     const CollectiveCall& request) {
  const std::lock_guard lock(mutex_);
  ThrowIfAborted();
  const int side = request.kind == CollectiveKind::kSend ? 0 : 1;
  const auto [at, is_new] = messages_.try_emplace({source, destination, tag});
  auto& queue = at->second;
  if (queue.empty() || queue.front()->HasJoined(side)) {
    queue.push_back(std::make_shared<Collective>(
        event_, 0, std::vector<int>{worker(source), worker(destination)}));
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

void CallMatcher::StartLocked(Collective& collective) {
  if (const std::string mismatch = collective.Mismatch(); !mismatch.empty()) {
    AbortAndThrow(mismatch);
  }
  collective.Start();
}

void CallMatcher::AbortAndThrow(const std::string& reason) {
  run_->Fail(size() == run_->workers()
                 ? reason
                 : fmt::format("{} (in the group of {})", reason, RankList(workers_)));
  ThrowIfAborted();
}

void CallMatcher::ThrowIfDeserted(const Collective& collective, CollectiveKind waiting_in) {
  const std::lock_guard lock(mutex_);
  const std::vector<int>& members = collective.members();
  for (size_t m = 0; m < members.size(); ++m) {
    if (collective.HasJoined(static_cast<int>(m)) || !run_->finished(members[m])) continue;
    AbortAndThrow(
        fmt::format("[{0}] worker {1} has finished while others wait in {0}; all workers "
                    "must make the same calls",
                    Name(waiting_in), members[m]));
  }
}

}  // namespace convoy::transport
