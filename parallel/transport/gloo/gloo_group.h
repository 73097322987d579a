// The transport between CPU workers in processes of their own, on one host or several: Gloo's TCP.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "parallel/group/checked_group.h"
#include "parallel/status/peers.h"
#include "parallel/store/store.h"
#include "parallel/transport/gloo/collectives.h"
#include "parallel/transport/gloo/mesh.h"

namespace convoy::transport {

/// Worker `membership.rank`'s end. Collectives run in the order of their calls on a thread of the
/// group's own while the worker computes, or on the worker's own if it has nothing to do but wait;
/// sums are taken in rank order, with the bits of the in-process transport. A second thread turns
/// what cannot end into an error: a worker that is gone, a collective past its deadline, a failure
/// elsewhere.
///
/// A Send matches a Recv of the same tag, dtype and size. Any number of messages may be in flight:
/// one thread, started with the first message, waits for all of them, and none delays another.
/// Tensors must be in host memory. Workers prove to each other that they know the job's secret when
/// they connect; the data that follows is neither encrypted nor authenticated, so use it on trusted
/// networks only.
class GlooGroup final : public CheckedGroup, public std::enable_shared_from_this<GlooGroup> {
 public:
  static constexpr status::TransportTitle kTitle{"Gloo"};

  /// Collective.
  /// Throws: Error naming who has not joined in time.
  GlooGroup(const status::Membership& membership, std::shared_ptr<store::Store> store,
            const MeshPlace& place);
  ~GlooGroup() override;

  int rank() const override { return peers_.rank(); }
  int size() const override { return peers_.size(); }
  std::string name() const override { return "gloo"; }

  void Finish() noexcept override;
  void Abort(const std::string& reason) noexcept override { peers_.page().Fail(reason); }

 protected:
  Work Start(const CollectiveCall& call) override;
  void CheckMemory(CollectiveKind kind, const Tensor& tensor) const override;

  Device device() const override { return device_; }
  std::shared_ptr<CheckedGroup> MakeSubgroup(uint64_t number, int color,
                                             const std::vector<int>& ranks) override;

 private:
  class Handle;
  struct Call;  // a collective or a message under way

  // The subgroup of `ranks`, with connections of its own.
  GlooGroup(const GlooGroup& of, const std::vector<int>& ranks, const std::string& name);
  void Connect();

  void StartMessage(const std::shared_ptr<Call>& call);
  void RunMessages();
  // The next one for RunMessages; null: there is none. With mutex_ held.
  std::shared_ptr<Call> TakeMessage();
  // Ends the turn of the message that RunMessages waits for, if there are others. With mutex_ held.
  void PassTurn();
  // Has RunMessages find out soon whether this message has ended.
  void AskFor(const std::shared_ptr<Call>& call);
  // Gives a message to oneself to its other half, or keeps it for that.
  void MatchOwn(const std::shared_ptr<Call>& call);
  void Await(const std::shared_ptr<Call>& call);

  // What a thread of the group's runs: an exception makes the run fail.
  void Guarded(void (GlooGroup::*run)()) noexcept;
  void RunCollectives();
  // Runs the oldest collective that is queued; `lock` is of mutex_, and nothing runs.
  void RunNext(std::unique_lock<std::mutex>& lock);
  // Does this worker's part of a call, with `body`, and tells who waits for it. If that gives false
  // nothing has come of it yet.
  void Run(Call& call, const std::function<bool()>& body);
  // A call has failed: finds out why, and declares the run failed.
  void Explain(const Call& call, const std::string& error);
  void RunWatcher();
  void Stop();
  // Whether what is under way can end; if not, the run has failed. With mutex_ held.
  void Look();
  // Asks the store how many of the subgroup's collectives those have called that have finished
  // since. By the watcher alone, without mutex_: the store may not answer for seconds.
  void LearnEnds();
  // That a worker of the subgroup has finished without this call; or empty.
  std::string WhyEnded(const Call& call) const;
  // Where rank `r` leaves, when it has finished, how many of the subgroup's collectives it called.
  std::string EndKey(int r) const;

  const status::Peers peers_;
  const Device device_;
  const std::shared_ptr<store::Store> store_;
  const std::string name_;  // in the store: "gloo/world", of a subgroup "gloo/world/SPLIT.COLOR"
  Mesh mesh_;
  MeshCollectives collectives_;

  std::mutex mutex_;
  std::condition_variable queued_;   // for the threads: there is work, or the end has come
  std::condition_variable message_;  // for RunMessages: there is one, or the end has come
  std::condition_variable ended_;    // for the worker: a call has ended, or the run has failed
  std::deque<std::shared_ptr<Call>> queue_;
  std::shared_ptr<Call> running_;  // the collective that runs
  std::shared_ptr<Call> awaited_;  // what the worker waits for
  bool stop_ = false;
  bool watch_ = true;                   // until nothing runs any more
  std::optional<Deadline> connecting_;  // until all are connected
  uint64_t calls_ = 0;
  // The watcher's. By rank: its last collective, if it is known to have finished.
  std::vector<std::optional<uint64_t>> ends_ =
      std::vector<std::optional<uint64_t>>(static_cast<size_t>(peers_.size()));
  std::map<int, std::deque<std::shared_ptr<Call>>> own_;  // messages to itself, by tag
  // Messages under way that nobody waits for, and perhaps some that have been waited for meanwhile.
  std::deque<std::shared_ptr<Call>> messages_;
  std::shared_ptr<Call> watched_,
      wanted_;  // of them: has RunMessages' attention, and is to have it
  std::thread runner_, messenger_, watcher_;
};

}  // namespace convoy::transport
