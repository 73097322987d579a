// What the ranks of a fake NCCL communicator share: memory between threads and processes.
#pragma once

#include <nccl.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace convoy::sim {

/// What ranks must agree on in a collective.
struct NcclOp {
  int32_t kind = 0;
  int32_t type = 0;
  int32_t op = 0;
  int32_t root = 0;
  uint64_t count = 0;
  int32_t registered = 0;  ///< whether the buffers are registered
  int32_t unused = 0;
  bool operator==(const NcclOp&) const = default;
};

/// One rank's end. Every rank has a mapping of its own, also in one process, so ThreadSanitizer
/// sees no order between the ranks that a GPU would not give.
class NcclLink {
 public:
  static constexpr int kMaxRanks = 16;
  static constexpr size_t kAreaBytes = 256 << 10;
  static constexpr size_t kChannelBytes = 16 << 10;

  /// Makes the memory and a name for it, which goes into `id`.
  static bool MakeId(ncclUniqueId* id);

  NcclLink(const ncclUniqueId& id, int rank, int size);
  ~NcclLink();
  NcclLink(const NcclLink&) = delete;
  NcclLink& operator=(const NcclLink&) = delete;

  bool valid() const { return shared_ != nullptr; }
  int rank() const { return rank_; }
  int size() const { return size_; }
  bool AllAttached() const;

  /// Makes every wait of this end return false.
  void Abort() { aborted_.store(true, std::memory_order_relaxed); }
  bool aborted() const { return aborted_.load(std::memory_order_relaxed); }

  /// Returns true when all ranks have come here; false if this one was aborted.
  bool Barrier();
  /// This rank's operation, and whether all ranks have the same; only between two barriers.
  void Announce(const NcclOp& op);
  bool AllAgree() const;
  /// Where rank `r` shows its data.
  std::byte* area(int r) const;

  /// Part of a message to `to`; false if the one before was not taken yet.
  bool Offer(int to, const void* data, size_t bytes);
  /// Part of a message from `from`; returns its bytes, or 0 if there is none yet.
  size_t Take(int from, void* data, size_t at_most);

 private:
  struct Shared;
  // Polls until `done`; false if aborted.
  bool Await(const std::function<bool()>& done) const;

  const int rank_, size_;
  int64_t file_ = -1;  // behind the memory, if this process made it
  Shared* shared_ = nullptr;
  std::atomic<bool> aborted_{false};
  uint64_t step_ = 0;
};

}  // namespace convoy::sim
