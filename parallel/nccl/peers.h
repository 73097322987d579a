// The other workers of a run on GPUs, seen from one of them: who is there, and who has failed.
#pragma once

#include <cstdint>
#include <string>

#include "parallel/deadline.h"
#include "parallel/gpu_transport.h"

namespace convoy::nccl {

/// Safe to call from any thread. Everything known comes from the board, never from a collective.
class Peers {
 public:
  explicit Peers(const GpuSeat& seat) : seat_(seat) {}

  int rank() const { return seat_.rank; }
  int size() const { return seat_.board->size(); }
  Board& board() const { return *seat_.board; }
  double timeout_s() const { return seat_.timeout_s; }
  bool failed() const { return board().failed(); }

  /// Throws: Error with the first failure of the run, if there was one.
  void ThrowIfFailed() const {
    if (failed()) [[unlikely]]
      Throw();
  }

  /// Declares the run failed, for this reason unless there is one already.
  void Fail(const std::string& reason) const noexcept;
  [[noreturn]] void FailAndThrow(const std::string& reason) const;

  /// Why collective `number`, described by `what`, cannot end: a worker whose process is gone, or
  /// that has finished and will not join it. Empty: nothing is known against it.
  std::string WhyHopeless(uint64_t number, const std::string& what) const;
  /// A worker whose process is gone, as an error; or empty.
  std::string WhoDied() const;
  /// Why `number` has not ended after `seconds`: the workers that have not come to it, or whose
  /// part is not computed.
  std::string WhyLate(uint64_t number, const std::string& what, double seconds) const;

 private:
  [[noreturn]] void Throw() const;

  const GpuSeat seat_;
};

/// Waits until worker 0's address and everybody is on the board; rank 0 gives `address`.
/// Throws: Error naming who has not come in time, or has failed.
void Meet(const Peers& peers);

}  // namespace convoy::nccl
