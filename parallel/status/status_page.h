// What the workers of a run tell each other beside their collectives: memory that they share.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/descriptor.h"
#include "parallel/group/signature.h"

namespace convoy::status {

/// A page that all workers of a run on this machine see, threads and processes alike (between
/// machines, StatusClients keep several the same): who is there, the address under which the
/// transport's ends find each other, what each worker has started last, and the first failure. It
/// is what makes "worker 2 is missing" possible where the transport itself would only hang. Every
/// method is safe to call from any thread; none waits for another worker.
///
/// The memory has no name and goes with the last process that has it, however that ends.
class StatusPage {
 public:
  /// Of up to kMaxWorkers workers (group/limits.h), for threads of this process. Throws: Error if
  /// the system refuses the memory.
  static std::shared_ptr<StatusPage> Make(int size);
  /// As Make, in memory that processes which this one starts can Attach to. Counts as a file for
  /// the limit to the size of files (ulimit -f).
  static std::shared_ptr<StatusPage> MakeForProcesses(int size);
  /// That of the process which started this one, which left `fd` open. Throws: Error if it is not.
  static std::shared_ptr<StatusPage> Attach(int fd);
  ~StatusPage();
  StatusPage(const StatusPage&) = delete;
  StatusPage& operator=(const StatusPage&) = delete;

  int size() const { return size_; }
  /// Of MakeForProcesses and Attach; else -1.
  int fd() const { return fd_.get(); }

  enum class State : uint32_t {
    kAbsent,    ///< has not been heard of
    kJoined,    ///< trains
    kFinished,  ///< has returned from training
    kDead,      ///< its process has ended before that
  };
  State state(int rank) const;
  void set_state(int rank, State state);
  /// `how`: "was killed by signal 9 (Killed)".
  void SetDead(int rank, std::string_view how);
  std::string HowDied(int rank) const;

  /// One value from worker 0 to all: the address of the transport.
  static constexpr size_t kAddressBytes = 128;
  /// How many collectives back signature() remembers.
  static constexpr uint64_t kRememberedSignatures = 256;
  void Publish(const void* address);
  /// False until it was published.
  bool Read(void* address) const;

  /// What worker `rank` has done: collectives are counted from 1.
  struct Progress {
    uint64_t started = 0;      ///< collectives given to the device
    uint64_t ready = 0;        ///< of these, with their input computed
    std::string what;          ///< the last one started: "AllReduce of bucket 3 (...), 1.0 MiB"
    double seconds_since = 0;  ///< since that was started
    std::string in_subgroup;   ///< the last one of a subgroup, which nobody else counts
    double in_subgroup_seconds_since = 0;
    /// Since a message of this worker came last; none if it writes here itself.
    std::optional<double> seconds_unheard;
  };
  /// What the worker itself has said or, where that is more, that it took part in what has ended
  /// (AllTookPart): one that is killed may not have said what it did last.
  Progress progress(int rank) const;
  /// Cheap accessors for callers that poll: the two counters of Progress, without its text.
  uint64_t started(int rank) const;
  uint64_t ready(int rank) const;
  void Started(int rank, uint64_t number, const CollectiveSignature& signature,
               std::string_view what);
  void Ready(int rank, uint64_t number);
  /// Collective `number` has ended here, as it could not without any of the workers.
  void AllTookPart(uint64_t number, std::string_view what);
  /// As Started, for a collective of a subgroup: those have no number that all workers know.
  void StartedInSubgroup(int rank, std::string_view what);
  /// How many of these there were: a cheap accessor for callers that poll.
  uint64_t started_in_subgroups(int rank) const;
  /// As Started, where nothing more than the number is known.
  void SetStarted(int rank, uint64_t number);
  /// A message of worker `rank` has come from another process.
  void Heard(int rank);
  /// What worker `rank` gave as collective `number`; none if it has not come there, or is far past.
  std::optional<CollectiveSignature> signature(int rank, uint64_t number) const;

  /// False if a StatusClient keeps this page up to date: then only worker 0's page knows what every
  /// worker has started, and a worker whose wait is too long reports that (ReportLate) instead of
  /// naming the missing ones.
  bool knows_all() const;
  void set_knows_all(bool knows_all);

  /// A wait of worker `rank` that has lasted too long. The run fails soon after it was reported.
  struct Late {
    uint64_t number = 0;  ///< of the collective
    std::string what;
    double seconds = 0;
  };
  void ReportLate(int rank, const Late& late);
  std::optional<Late> late(int rank) const;

  /// Declares the run failed; the first call wins (true).
  bool Fail(std::string_view message) noexcept;
  bool failed() const;
  /// The first failure; empty if there was none.
  std::string failure() const;

 private:
  struct Slot;
  struct Page;
  StatusPage(Descriptor fd, Page* page, int size) : fd_(std::move(fd)), page_(page), size_(size) {}
  // With a file of the right size, or without one.
  static std::shared_ptr<StatusPage> MakeIn(Descriptor fd, int size);
  static size_t PageBytes(int size);
  Slot& slot(int rank) const;

  const Descriptor fd_;
  Page* const page_;
  const int size_;
};

}  // namespace convoy::status
