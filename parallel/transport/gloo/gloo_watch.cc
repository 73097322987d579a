// How a GlooGroup finds out that what it has under way cannot end, and why.
#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <string>

#include "parallel/transport/gloo/gloo_call.h"
#include "parallel/transport/gloo/gloo_group.h"

namespace convoy::transport {
namespace {

using Clock = std::chrono::steady_clock;

// How often the watcher looks.
constexpr std::chrono::milliseconds kInterval{20};

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

// A peer that is gone closes its connections a moment before the status page knows of it.
void GlooGroup::Explain(const Call& call, const std::string& error) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_ && call.is_message()) return;  // nobody waits for it any more
  }
  peers_.AwaitReason([&] {
    if (!call.is_message()) return peers_.WhyHopeless(call.number, call.what);
    const std::string died = peers_.WhoDied();
    return died.empty() ? died : fmt::format("[Gloo] {}; {} waits for it", died, call.what);
  });
  if (peers_.failed()) return;
  peers_.Fail(
      fmt::format("[Gloo] {}{}: a connection was lost: {}", call.what, peers_.OfGroup(), error));
}

void GlooGroup::RunWatcher() {
  std::unique_lock lock(mutex_);
  while (!queued_.wait_for(lock, kInterval, [this] { return !watch_; })) {
    if (peers_.is_subgroup() && running_ != nullptr && !peers_.failed()) {
      lock.unlock();
      LearnEnds();
      lock.lock();
    }
    if (!peers_.failed()) Look();
    PassTurn();
    if (!peers_.failed()) continue;
    lock.unlock();
    mesh_.Abort();
    lock.lock();
    ended_.notify_all();
    queued_.notify_all();
    message_.notify_all();
  }
}

std::string GlooGroup::EndKey(int r) const { return fmt::format("{}/end/{}", name_, r); }

// A worker leaves how many collectives of the subgroup it has called, and then tells the status
// page that it has finished.
void GlooGroup::LearnEnds() {
  for (int r = 0; r < size(); ++r) {
    std::optional<uint64_t>& end = ends_[static_cast<size_t>(r)];
    if (end || peers_.page().state(peers_.worker(r)) != status::StatusPage::State::kFinished)
      continue;
    try {
      end = std::stoull(store_->Get(EndKey(r), 0));
    } catch (const std::exception&) {  // the server is gone: the deadline will tell
      end = std::numeric_limits<uint64_t>::max();
    }
  }
}

std::string GlooGroup::WhyEnded(const Call& call) const {
  for (int r = 0; r < size(); ++r) {
    const std::optional<uint64_t> end = ends_[static_cast<size_t>(r)];
    if (end && *end < call.number) return peers_.WhyWithout(r, call.number, call.what);
  }
  return {};
}

void GlooGroup::Look() {
  if (const std::string died = peers_.WhoDied(); !died.empty() && running_ == nullptr) {
    return peers_.Fail(fmt::format("[Gloo] {}", died));
  }
  if (connecting_ && connecting_->passed()) {
    return peers_.Fail(fmt::format(
        "[Gloo] cannot connect the workers{}: not all workers have within {:.1f} s{}{}",
        peers_.OfGroup(), connecting_->elapsed_s(),
        mesh_.WhatConnectWaitsFor([this](int r) { return peers_.worker(r); }), peers_.Unheard()));
  }
  if (running_ != nullptr) {
    const Call& call = *running_;
    std::string why = peers_.WhyHopeless(call.number, call.what);
    if (why.empty() && peers_.is_subgroup()) why = WhyEnded(call);
    if (!why.empty()) return peers_.Fail(why);
    const double seconds = SecondsSince(call.since);
    if (seconds > peers_.timeout_s()) peers_.FailLate(call.number, call.what, seconds);
  } else if (awaited_ != nullptr && awaited_->is_message()) {
    const double seconds = SecondsSince(awaited_->since);
    if (seconds <= peers_.timeout_s()) return;
    peers_.Fail(fmt::format("[Gloo] {} with worker {} has not ended within {:.1f} s",
                            awaited_->what, peers_.worker(awaited_->call.root), seconds));
  }
}

}  // namespace convoy::transport
