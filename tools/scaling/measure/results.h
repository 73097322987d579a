// What a measurement of scaling has found, as tables, files and pages show it. All times are in
// milliseconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace convoy::scaling {

/// The spread of a time over repetitions.
struct Spread {
  double median = 0;
  double low = 0, high = 0;  ///< the quartiles
  double mean = 0;           ///< by the wall clock; 0: not known, as in results read from a file

  /// (high - low) / median
  double relative() const { return median > 0 ? (high - low) / median : 0; }
};

/// Where the time of a step goes, as a worker sees it: the mean over workers. The parts add up to
/// the step.
struct StepSplit {
  double load = 0;  ///< loading the batch
  double forward = 0;
  double backward = 0;
  double exposed = 0;  ///< communication that the worker waited for
  double waiting = 0;  ///< waiting for the slowest worker, before an allreduce could begin
  double optimizer = 0;
  double other = 0;

  double total() const { return load + forward + backward + exposed + waiting + optimizer + other; }
};

/// One bucket's allreduce in a step. Times are medians over steps, and count from the start of
/// backward on the worker that starts it first.
struct BucketTimes {
  std::string name;  ///< "bucket 3 (fc1.weight, fc1.bias)"
  int64_t bytes = 0;
  double first_ready = 0;  ///< when the first worker had all its gradients
  double ready = 0;        ///< when the last worker had them
  double start = 0;        ///< when its allreduce could begin: all workers are
                           ///< ready, and the allreduce before it has ended
  double end = 0;
  double hidden = 0;          ///< the part of end - start in which workers computed
  double exposed = 0;         ///< the part of end - start in which workers waited
  double busbw_gb_per_s = 0;  ///< bytes * 2 (n - 1) / n / (end - start), in 1e9 bytes a second
  int last_worker = 0;        ///< the rank that was ready last most often
};

/// How long a worker computes in a step, its waits left out.
struct WorkerTimes {
  int rank = 0;
  double compute = 0;  ///< median
  double late = 0;  ///< median of how much later its last bucket was ready than the first worker's
};

/// One thing that a worker did in the step that the timeline shows. Times count from the start of
/// that step.
struct StepSpan {
  int rank = 0;
  std::string track;  ///< "compute" or "communication"
  std::string name;   ///< "forward", "bucket 3", ...
  double begin = 0, end = 0;
  int bucket = -1;  ///< the bucket that was summed or waited for; -1: none
};

/// What was measured on one number of workers.
struct Measurement {
  int workers = 1;
  double units_per_step = 0;  ///< of all workers together
  int steps = 0;              ///< number of timed steps
  Spread step;
  double units_per_s = 0;
  double speedup = 1;     ///< throughput over that of the fewest workers, times their number
  double efficiency = 1;  ///< speedup / workers
  StepSplit split;
  Spread step_without_communication;  ///< the same step without allreduce; on 1 worker, `step`
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
  int64_t parameters = 0;  ///< how many numbers the model has
  int64_t gradient_bytes = 0;
  std::vector<Measurement> measurements;  ///< by number of workers, ascending
  std::vector<std::string> warnings;
};

}  // namespace convoy::scaling
