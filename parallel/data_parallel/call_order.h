// Finds calls of Backward and Step that are in the wrong order.
#pragma once

#include "core/base/error.h"

namespace convoy {

/// What DataParallel knows of its gradients between a Backward and a Step. Shared by DataParallel
/// and the hooks that it leaves with its parameters, which may outlive it. For use by one thread. A
/// call that throws forgets the step under way, so that the next step is not refused too.
class CallOrder {
 public:
  /// Backward of micro-batch `micro_batch` of `micro_batches` starts. `fresh`: whether any gradient
  /// was written and not used since. Micro-batches may be left out, as a trainer does that gives a
  /// step up.
  /// Throws: Error if it comes before the one that came last, or if gradients would be lost.
  void Begin(int micro_batch, int micro_batches, bool fresh) {
    const CallOrder before = *this;
    if (micro_batch == 0) {
      Forget();
      CONVOY_CHECK(before.done_ == 0 || before.reduced_,
                   "[DataParallel] Backward of a new step, but of the {} micro-batches of the step "
                   "before only {} came: their gradients would be lost",
                   before.of_, before.done_);
      CONVOY_CHECK(!before.reduced_ || before.read_ || before.recorded_ || !fresh,
                   "[DataParallel] two Backward calls, and no Step between them: the gradients of "
                   "the first would be lost. To add gradients up, make both micro-batches of one "
                   "step (ReduceOptions); to drop them, call Parameters().ConsumeGradients()");
    } else if (before.reduced_ || before.done_ == 0 || micro_batch < before.done_ ||
               micro_batches != before.of_) {
      Forget();
      if (before.reduced_ || before.done_ == 0) {
        Fail("[DataParallel] a step starts with micro_batch 0, got {} of {}", micro_batch,
             micro_batches);
      }
      Fail("[DataParallel] micro_batch {} of {} cannot follow micro_batch {} of {}", micro_batch,
           micro_batches, before.done_ - 1, before.of_);
    }
  }

  /// It has ended; the last one of a step has started the reduction.
  void End(int micro_batch, int micro_batches) {
    done_ = micro_batch + 1;
    of_ = micro_batches;
    reduced_ = done_ == of_;
    read_ = false;  // Backward itself has called Read, before it wrote
  }

  /// A gradient is read.
  void Read() { read_ = true; }

  /// A Step starts. `fresh` as for Begin.
  /// Throws: Error unless the gradients are complete and reduced.
  void BeforeStep(bool fresh) {
    if (reduced_) return;
    const CallOrder before = *this;
    Forget();
    CONVOY_CHECK(
        before.done_ == 0,
        "[DataParallel] Step after {} of {} micro-batches: the gradients are not complete; "
        "call Backward with the others first",
        before.done_, before.of_);
    CONVOY_CHECK(!fresh,
                 "[DataParallel] the gradients were not reduced over the workers: call "
                 "net.Backward(loss, batch) in place of loss.Backward()");
  }

  /// Whether the gradients of a whole step are reduced, and no Step has used them.
  bool reduced() const { return reduced_; }

  /// A Step has used the gradients. `recorded`: it was recorded for a GPU. Its replays are not seen
  /// here, so from now on a second Backward may be right.
  void AfterStep(bool recorded) {
    Forget();
    recorded_ = recorded_ || recorded;
  }

 private:
  void Forget() {
    const bool recorded = recorded_;
    *this = CallOrder();
    recorded_ = recorded;
  }

  int done_ = 0;  // micro-batches of the step under way
  int of_ = 1;
  bool reduced_ = false;  // all of them
  bool read_ = false;     // since they were reduced
  bool recorded_ = false;
};

}  // namespace convoy
