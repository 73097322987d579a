// The other workers of a run, seen from one of them: who is there, and who has failed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/deadline.h"
#include "core/device.h"
#include "parallel/group/signature.h"
#include "parallel/status/status_page.h"

namespace convoy::status {

/// One worker's place in a run of several.
struct Membership {
  std::shared_ptr<StatusPage> page;
  int rank = 0;
  Device device;
  double timeout_s = 60;  ///< how long a peer may be waited for
};

/// How messages speak of a transport.
struct TransportTitle {
  const char* name;  ///< opens them: "NCCL"
  /// Where to look when workers that are all there cannot reach each other: the end of a sentence.
  const char* network_hint = "";
};

/// Safe to call from any thread. Everything known comes from the status page, never from a
/// collective.
class Peers {
 public:
  Peers(const Membership& membership, const TransportTitle& transport);
  /// Of a subgroup: `ranks` are ranks of the group `of`, in ascending order, and include this
  /// worker's.
  Peers(const Peers& of, const std::vector<int>& ranks);

  /// In the group.
  int rank() const { return rank_; }
  int size() const { return static_cast<int>(workers_.size()); }
  /// The run's number of the group's rank `r`, which is how messages and the status page name it.
  int worker(int r) const { return workers_[static_cast<size_t>(r)]; }
  /// This worker's, which is its rank unless this is a subgroup.
  int worker() const { return membership_.rank; }
  bool is_subgroup() const { return is_subgroup_; }
  StatusPage& page() const { return *membership_.page; }
  const char* transport() const { return transport_.name; }
  double timeout_s() const { return membership_.timeout_s; }
  bool failed() const { return page().failed(); }

  /// Throws: Error with the first failure of the run, if there was one.
  void ThrowIfFailed() const {
    if (failed()) [[unlikely]]
      Throw();
  }

  /// Declares the run failed, for this reason unless there is one already.
  void Fail(const std::string& reason) const noexcept;
  [[noreturn]] void FailAndThrow(const std::string& reason) const;

  /// Tells the others that this worker starts collective `number`, and compares it with what they
  /// have given as theirs: of two workers, the one that comes later sees the other's. (Of a
  /// subgroup's calls the others see the text alone: the numbers on the status page are the run's.)
  /// Throws: Error if the run has failed, which it has if they differ.
  void Announce(uint64_t number, const CollectiveSignature& signature,
                const std::string& what) const;

  /// Tells the others that the input of collective `number` is computed.
  void Ready(uint64_t number) const;
  /// Collective `number`, which NeedsAll, has ended here: this tells what the others did even if
  /// they cannot say it any more.
  void AllTookPart(uint64_t number, const std::string& what) const;

  /// "collective 12, bucket 3 (...)"; of a subgroup: "collective 12 of the group of workers 0, 2,
  /// bucket 3 (...)".
  std::string NameOf(uint64_t number, const std::string& what) const;
  /// "" or, of a subgroup, " of the group of workers 0, 2".
  std::string OfGroup() const;

  /// Why collective `number`, described by `what`, cannot end: a worker whose process is gone, or
  /// that has finished and will not join it. Empty: nothing is known against it. (Whether a
  /// worker that has finished has joined a subgroup's is not on the status page.)
  std::string WhyHopeless(uint64_t number, const std::string& what) const;
  /// The message that rank `r` of the group has finished, and will not join collective `number`.
  std::string WhyWithout(int r, uint64_t number, const std::string& what) const;
  /// A worker whose process is gone, as an error; or empty.
  std::string WhoDied() const;
  /// "; nothing was heard of worker 2 for 3.1 s: stopped, or cut off", or empty. Worker 0 knows
  /// that of all, the others of worker 0.
  std::string Unheard() const;
  /// For use after a connection has broken, which happens a moment before the status page knows
  /// why. Calls `find_reason` each millisecond, for two seconds at most, until it returns a text
  /// that is not empty, and declares the run failed with that text.
  void AwaitReason(const std::function<std::string()>& find_reason) const;
  /// As AwaitReason; the reason is that a worker's process is gone.
  void AwaitDeath() const;
  /// Declares the run failed since collective `number`, described by `what`, has not ended after
  /// `seconds`: at once, or as soon as worker 0 has said who is missing, where only it knows.
  void FailLate(uint64_t number, const std::string& what, double seconds) const;
  /// Why `number` has not ended after `seconds`: the workers that have not come to it, or whose
  /// part is not computed. Only where the status page knows all.
  std::string WhyLate(uint64_t number, const std::string& what, double seconds) const;

  /// What each worker was doing when it was last heard of, one line each, after a failure:
  /// "  worker 1: has started collective 12, bucket 3 (...), 60.2 s ago". Of many workers, those
  /// that have come least far.
  std::string Report() const;

 private:
  [[noreturn]] void Throw() const;
  std::string WhyLateInSubgroup(uint64_t number, const std::string& what, double seconds) const;
  std::string Describe(int worker) const;
  bool IsSilent(int worker) const;

  const Membership membership_;
  const TransportTitle transport_;
  const bool is_subgroup_;
  std::vector<int> workers_;  // by rank
  int rank_ = 0;
};

/// Joins, and waits for all workers. Throws: Error naming the workers that have not joined in time,
/// or have failed.
void JoinAndAwaitAll(const Peers& peers);

}  // namespace convoy::status
