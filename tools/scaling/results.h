// What a measurement of scaling has found, as tables, files and pages show it. Times are in
// milliseconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace convoy {

/// Of repetitions.
struct Spread {
  double median = 0;
  double low = 0, high = 0;  ///< the quartiles
  double mean = 0;           ///< over the wall's clock; 0: unknown, as of a result that was saved

  /// (high - low) / median
  double relative() const { return median > 0 ? (high - low) / median : 0; }
};

/// Where the time of a step goes, as a worker sees it: the mean over workers; adds up to the step.
struct StepSplit {
  double load = 0;  ///< getting the batch
  double forward = 0;
  double backward = 0;
  double exposed = 0;  ///< communication that the worker was held up by
  double waiting = 0;  ///< for the slowest worker, before a sum could begin
  double optimizer = 0;
  double other = 0;

  double total() const { return load + forward + backward + exposed + waiting + optimizer + other; }
};

/// One bucket's sum in a step. Times are from the start of backward (of the worker that starts it
/// first), medians over steps.
struct BucketTimes {
  std::string name;  ///< "bucket 3 (fc1.weight, fc1.bias)"
  int64_t bytes = 0;
  double first_ready = 0;  ///< when the first worker had its gradients
  double ready = 0;        ///< when the last one had
  double start = 0;        ///< when its sum could begin: all are ready, the one before has ended
  double end = 0;
  double hidden = 0;          ///< of end - start: while backward or other work went on
  double exposed = 0;         ///< of end - start: while workers waited
  double busbw_gb_per_s = 0;  ///< bytes * 2 (n - 1) / n / (end - start), in 1e9 bytes a second
  int last_worker = 0;        ///< who was ready last, most often
};

/// How long a worker computes in a step, waits left out.
struct WorkerTimes {
  int rank = 0;
  double compute = 0;  ///< median
  double late = 0;     ///< median: how much later than the first its last bucket was ready
};

/// For the picture of one step: something that took a time, from the start of that step.
struct StepSpan {
  int rank = 0;
  std::string track;  ///< "compute" or "communication"
  std::string name;   ///< "forward", "bucket 3", ...
  double begin = 0, end = 0;
  int bucket = -1;  ///< if it is one's sum, or a wait for it
};

/// One number of workers.
struct Measurement {
  int workers = 1;
  double units_per_step = 0;  ///< of all workers together
  int steps = 0;              ///< that were timed
  Spread step;
  double units_per_s = 0;
  double speedup = 1;     ///< throughput over that of the fewest workers, times their number
  double efficiency = 1;  ///< speedup / workers
  StepSplit split;
  Spread step_without_communication;  ///< the same step with the sums left out; 1 worker: as step
  std::vector<BucketTimes> buckets;
  std::vector<WorkerTimes> by_worker;
  int slowest = 0;                 ///< the rank that computes longest
  std::vector<StepSpan> timeline;  ///< of the step whose time is the median
  std::vector<std::string> warnings;
};

struct ScalingResults {
  std::string model;      ///< "gpt: 4 layers, ..."
  std::string mode;       ///< "weak" or "strong"
  std::string unit;       ///< what throughput counts: "tokens", "samples"
  std::string device;     ///< "2 cores of ..." or "NVIDIA H200"
  std::string transport;  ///< "inprocess", "gloo", "nccl"
  std::string date;       ///< "2026-11-28"
  std::string command;
  int64_t parameters = 0;  ///< numbers
  int64_t gradient_bytes = 0;
  std::vector<Measurement> measurements;  ///< by number of workers, ascending
  std::vector<std::string> warnings;
};

}  // namespace convoy
