// Works out where the time of steps went, from every worker's records.
#include "tools/scaling/measure/analysis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "tools/scaling/measure/spread.h"

namespace convoy::scaling {
namespace {

using Records = std::vector<std::vector<StepRecord>>;

// How much of [begin, end] lies in [from, to].
double Overlap(double begin, double end, double from, double to) {
  return std::max(0.0, std::min(end, to) - std::max(begin, from));
}

// One bucket's allreduce in one step, over all workers.
struct Sum {
  double first_ready = 0, ready = 0, start = 0, end = 0;
  size_t last_worker = 0;
};

std::vector<Sum> SumsOf(const Records& records, size_t step) {
  std::vector<Sum> sums(records[0][step].buckets.size());
  double free = -INFINITY;  // when the allreduce before has ended everywhere
  for (size_t b = 0; b < sums.size(); ++b) {
    Sum& sum = sums[b];
    sum = {.first_ready = INFINITY, .ready = -INFINITY, .start = free, .end = -INFINITY};
    for (size_t r = 0; r < records.size(); ++r) {
      const StepRecord::Bucket& bucket = records[r][step].buckets[b];
      sum.first_ready = std::min(sum.first_ready, bucket.ready);
      if (bucket.ready > sum.ready) sum.last_worker = r;
      sum.ready = std::max(sum.ready, bucket.ready);
      sum.start = std::max(sum.start, bucket.started);
      sum.end = std::max(sum.end, bucket.ended);
    }
    sum.start = std::min(std::max(sum.start, sum.ready), std::max(sum.end, sum.ready));
    sum.end = std::max(sum.end, sum.start);
    free = sum.end;
  }
  return sums;
}

// Splits one worker's step into its parts.
StepSplit SplitOf(const StepRecord& record, double duration, const std::vector<Sum>& sums) {
  StepSplit split;
  split.forward = record.backward - record.begin;
  double calls = 0, waits = 0;
  for (size_t b = 0; b < sums.size(); ++b) {
    const StepRecord::Bucket& bucket = record.buckets[b];
    calls += bucket.returned - bucket.called;
    const double wait = bucket.wait_end - bucket.wait_begin;
    const double late = Overlap(bucket.wait_begin, bucket.wait_end, -INFINITY, sums[b].ready);
    waits += wait;
    split.waiting += late;
    split.exposed += wait - late;
  }
  split.exposed += calls;
  split.backward = record.optimizer - record.backward - calls;
  split.optimizer = record.end - record.optimizer - waits;
  split.other = duration - (record.end - record.begin);
  return split;
}

double Compute(const StepSplit& split) {
  return split.forward + split.backward + split.optimizer + split.other;
}

double DurationOf(const StepRecord& record, const StepRecord* next) {
  return (next ? next->begin : record.end) - record.begin;
}

// The step after step s in the same round; null if s is the last one of its round.
const StepRecord* Next(const std::vector<StepRecord>& steps, size_t s, int round_steps) {
  return (s + 1) % static_cast<size_t>(round_steps) == 0 || s + 1 == steps.size() ? nullptr
                                                                                  : &steps[s + 1];
}

std::string ShortName(const std::string& name) { return name.substr(0, name.find(" (")); }

std::vector<StepSpan> TimelineOf(const Records& records, size_t step,
                                 const std::vector<BucketSize>& buckets) {
  std::vector<StepSpan> spans;
  double zero = INFINITY;
  for (const auto& of_worker : records) zero = std::min(zero, of_worker[step].begin);
  for (size_t r = 0; r < records.size(); ++r) {
    const StepRecord& record = records[r][step];
    const auto add = [&](const char* track, const std::string& name, double begin, double end,
                         int bucket) {
      if (end > begin) {
        spans.push_back({static_cast<int>(r), track, name, begin - zero, end - zero, bucket});
      }
    };
    add("compute", "forward", record.begin, record.backward, -1);
    add("compute", "backward", record.backward, record.optimizer, -1);
    add("compute", "optimizer", record.optimizer, record.end, -1);
    double free = -INFINITY;
    for (size_t b = 0; b < record.buckets.size(); ++b) {
      const StepRecord::Bucket& bucket = record.buckets[b];
      const std::string name = ShortName(buckets[b].name);
      add("compute", "wait for " + name, bucket.wait_begin, bucket.wait_end, static_cast<int>(b));
      const double begin = std::max(bucket.started, free), end = std::max(bucket.ended, begin);
      add("communication", name, begin, end, static_cast<int>(b));
      free = end;
    }
  }
  return spans;
}

// The median over steps of `value(step)`.
double MedianOf(size_t steps, const std::function<double(size_t)>& value) {
  std::vector<double> values;
  for (size_t s = 0; s < steps; ++s) values.push_back(value(s));
  return Median(values);
}

// Bucket b's medians over steps.
BucketTimes BucketOf(const Records& records, const std::vector<std::vector<Sum>>& sums, size_t b,
                     const BucketSize& size) {
  const size_t steps = sums.size();
  const double n = static_cast<double>(records.size());
  // Times count from when the first worker began backward.
  const auto median = [&](double Sum::*field) {
    return MedianOf(steps, [&](size_t s) {
      double begin = INFINITY;
      for (const auto& of_worker : records) begin = std::min(begin, of_worker[s].backward);
      return sums[s][b].*field - begin;
    });
  };
  BucketTimes times{.name = size.name,
                    .bytes = size.bytes,
                    .first_ready = median(&Sum::first_ready),
                    .ready = median(&Sum::ready),
                    .start = median(&Sum::start),
                    .end = median(&Sum::end)};
  const double took = MedianOf(steps, [&](size_t s) { return sums[s][b].end - sums[s][b].start; });
  times.exposed = MedianOf(steps, [&](size_t s) {
    double exposed = 0;
    for (const auto& of_worker : records) {
      const StepRecord::Bucket& bucket = of_worker[s].buckets[b];
      const Sum& sum = sums[s][b];
      exposed += Overlap(bucket.wait_begin, bucket.wait_end, sum.start, sum.end) +
                 Overlap(bucket.called, bucket.returned, sum.start, sum.end);
    }
    return exposed / n;
  });
  times.hidden = std::max(0.0, took - times.exposed);
  if (took > 0) {
    times.busbw_gb_per_s = static_cast<double>(times.bytes) * 2 * (n - 1) / n / (took * 1e-3) / 1e9;
  }
  std::map<size_t, int> last;  // how often each rank was the last
  for (size_t s = 0; s < steps; ++s) ++last[sums[s][b].last_worker];
  times.last_worker =
      static_cast<int>(std::max_element(last.begin(), last.end(), [](const auto& x, const auto& y) {
                         return x.second < y.second;
                       })->first);
  return times;
}

StepSplit MeanOf(const std::vector<StepSplit>& splits) {
  StepSplit mean;
  for (double StepSplit::*field :
       {&StepSplit::load, &StepSplit::forward, &StepSplit::backward, &StepSplit::exposed,
        &StepSplit::waiting, &StepSplit::optimizer, &StepSplit::other}) {
    for (const StepSplit& split : splits) mean.*field += split.*field;
    mean.*field /= static_cast<double>(splits.size());
  }
  return mean;
}

}  // namespace

std::vector<double> StepDurations(const Records& records, int round_steps) {
  std::vector<double> durations(records[0].size());
  for (const auto& steps : records) {
    for (size_t s = 0; s < steps.size(); ++s) {
      durations[s] +=
          DurationOf(steps[s], Next(steps, s, round_steps)) / static_cast<double>(records.size());
    }
  }
  return durations;
}

void Analyse(const Records& records, const std::vector<BucketSize>& buckets, int round_steps,
             Measurement& measurement) {
  const size_t workers = records.size(), steps = records[0].size();
  const std::vector<double> durations = StepDurations(records, round_steps);
  measurement.steps = static_cast<int>(steps);
  measurement.step = SpreadOf(durations);

  std::vector<std::vector<Sum>> sums;
  for (size_t s = 0; s < steps; ++s) sums.push_back(SumsOf(records, s));
  std::vector<std::vector<StepSplit>> splits(workers);
  for (size_t r = 0; r < workers; ++r) {
    for (size_t s = 0; s < steps; ++s) {
      const StepRecord& record = records[r][s];
      splits[r].push_back(
          SplitOf(record, DurationOf(record, Next(records[r], s, round_steps)), sums[s]));
    }
  }

  // The mean over workers and over the middle half of the steps by duration: the parts then add up
  // to about the median step.
  std::vector<size_t> order(steps);
  for (size_t s = 0; s < steps; ++s) order[s] = s;
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return durations[a] < durations[b]; });
  const size_t quarter = steps / 4;
  std::vector<StepSplit> middle;
  for (size_t i = quarter; i < steps - quarter; ++i) {
    for (size_t r = 0; r < workers; ++r) middle.push_back(splits[r][order[i]]);
  }
  measurement.split = MeanOf(middle);
  measurement.timeline = TimelineOf(records, order[steps / 2], buckets);

  for (size_t r = 0; r < workers; ++r) {
    measurement.by_worker.push_back(
        {.rank = static_cast<int>(r),
         .compute = MedianOf(steps, [&](size_t s) { return Compute(splits[r][s]); }),
         .late = buckets.empty() ? 0 : MedianOf(steps, [&](size_t s) {
           return records[r][s].buckets.back().ready - sums[s].back().first_ready;
         })});
  }
  measurement.slowest = static_cast<int>(
      std::max_element(measurement.by_worker.begin(), measurement.by_worker.end(),
                       [](const auto& a, const auto& b) { return a.compute < b.compute; }) -
      measurement.by_worker.begin());

  for (size_t b = 0; b < buckets.size(); ++b) {
    measurement.buckets.push_back(BucketOf(records, sums, b, buckets[b]));
  }
}

}  // namespace convoy::scaling
