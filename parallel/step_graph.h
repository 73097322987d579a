// A training step that a GPU has recorded: one launch in place of a thousand.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/backend.h"
#include "parallel/group/worker.h"

namespace convoy {

/// Runs a step as it is a few times, records it, and from then on replays the recording: the same
/// kernels on the same memory, with the same results, without the host's work of starting them.
///
///     Tensor tokens, labels, loss;                   // of fixed shape, made before
///     StepGraph graph(worker);
///     for (...) {
///       tokens.CopyFrom(next_tokens);                // refill the inputs: outside
///       labels.CopyFrom(next_labels);
///       adam.set_lr(schedule(step));                 // outside as well
///       graph.Run([&] {
///         const Tensor mean = gpt.Loss(tokens, labels);
///         net.Backward(mean, 1.0 / worker.world_size());
///         adam.Step({.max_grad_norm = 1});
///         loss.CopyFrom(mean.Detach());              // results: into fixed tensors
///       });
///     }
///
/// What holds inside `step`:
/// - Host code runs only while the step is not replayed: whatever differs between steps must be the
///   contents of tensors made before, and be changed outside. Dropout and other random streams of
///   modules, loss scaling, clipping and skipped steps go on by themselves.
/// - Nothing may wait for the device (Item, ToVector, printing).
/// - Tensors made outside must outlive the graph.
/// A step whose shapes or weights vary is recorded once for each `key`: Run(key, step). All workers
/// must call Run alike, since collectives are recorded too.
class StepGraph {
 public:
  /// Throws: Error if the worker's device cannot record (a CPU).
  explicit StepGraph(Worker& worker);
  ~StepGraph();
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  void Run(const std::function<void()>& step) { Run("", step); }
  /// Throws: what `step` throws; Error if it does something that cannot be recorded.
  void Run(const std::string& key, const std::function<void()>& step);

  /// Calls of Run that were answered by a recording.
  int64_t replays() const { return replays_; }
  int64_t recordings() const { return recordings_; }

 private:
  struct Entry {
    int eager_runs = 0;
    std::unique_ptr<Recording> recording;
  };

  Worker& worker_;
  std::map<std::string, Entry> entries_;
  int64_t replays_ = 0;
  int64_t recordings_ = 0;
};

}  // namespace convoy
