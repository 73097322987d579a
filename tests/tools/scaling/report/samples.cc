// Measurements and predictions to show.
#include "tests/tools/scaling/report/samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace convoy::scaling {
namespace {

constexpr double kForward = 8.4, kBackward = 19.2, kOptimizer = 2.1, kLoad = 0.31;
constexpr int64_t kGradientBytes = 3255296;
constexpr int kMostRanks = 64;  // with times of their own

void AddBuckets(Measurement& m, int buckets) {
  const double skew = m.workers > 1 ? 0.08 * (kForward + kBackward) : 0;
  double free = 0;  // when the transport is
  for (int b = 0; b < buckets; ++b) {
    BucketTimes bucket;
    bucket.name = fmt::format("bucket {} (blocks.{}.mlp.fc.weight, ...)", b, buckets - 1 - b);
    bucket.bytes = kGradientBytes / buckets;
    bucket.first_ready = kBackward * (b + 1) / buckets;
    bucket.ready = bucket.first_ready + skew * (b + 1) / buckets;
    bucket.start = std::max(bucket.ready, free);
    const double takes = m.workers == 1 ? 0 : 14.0 / buckets * (1 + 0.05 * std::log2(m.workers));
    bucket.end = free = bucket.start + takes;
    bucket.exposed = std::clamp(bucket.end - (kBackward + skew), 0.0, takes);
    bucket.hidden = takes - bucket.exposed;
    const double share = 2.0 * (m.workers - 1) / m.workers;
    bucket.busbw_gb_per_s =
        takes > 0 ? static_cast<double>(bucket.bytes) * share / (takes * 1e6) : 0;
    bucket.last_worker = m.workers - 1;
    m.split.exposed += bucket.exposed;
    m.buckets.push_back(bucket);
  }
  m.split.waiting = skew;
}

void AddTimeline(Measurement& m) {
  for (int rank = 0; rank < std::min(m.workers, kMostRanks); ++rank) {
    const double slower = rank == m.workers - 1 && m.workers > 1 ? 1.08 : 1;
    const double backward = kLoad + kForward * slower, end = backward + kBackward * slower;
    const auto compute = [&](const char* name, double from, double to) {
      m.timeline.push_back({rank, "compute", name, from, to});
    };
    compute("load", 0, kLoad);
    compute("forward", kLoad, backward);
    compute("backward", backward, end);
    double from = end;
    const double share = kOptimizer / static_cast<double>(m.buckets.size());
    for (size_t b = 0; b < m.buckets.size(); ++b) {
      const int bucket = static_cast<int>(b);
      const double begin = kLoad + kForward + m.buckets[b].start;
      const double sum_end = kLoad + kForward + m.buckets[b].end;
      const std::string name = fmt::format("bucket {}", b);
      if (m.workers > 1) {
        m.timeline.push_back({rank, "communication", name, begin, sum_end, bucket});
      }
      if (sum_end > from && m.workers > 1) {
        m.timeline.push_back({rank, "compute", name, from, sum_end, bucket});
        from = sum_end;
      }
      compute("optimizer", from, from + share);
      from += share;
    }
  }
}

Measurement Measured(int workers, int buckets) {
  Measurement m;
  m.workers = workers;
  m.units_per_step = 768.0 * workers;
  m.steps = 200;
  m.split = {.load = kLoad,
             .forward = kForward,
             .backward = kBackward,
             .optimizer = kOptimizer,
             .other = 0.12};
  AddBuckets(m, buckets);
  m.step.median = m.split.total();
  m.step.low = m.step.median * 0.985;
  m.step.high = m.step.median * 1.03;
  m.step_without_communication = m.step;
  m.step_without_communication.median -= m.split.exposed;
  m.units_per_s = 1e3 * m.units_per_step / m.step.median;
  m.slowest = workers - 1;
  for (int rank = 0; rank < std::min(workers, kMostRanks); ++rank) {
    const bool slow = rank == m.slowest && workers > 1;
    m.by_worker.push_back({rank, slow ? 32.25 : 30.01 + 0.01 * rank, slow ? 2.208 : 0.0});
  }
  AddTimeline(m);
  return m;
}

void Compare(ScalingResults& results) {
  const Measurement& first = results.measurements.front();
  for (Measurement& m : results.measurements) {
    m.speedup = m.units_per_s / first.units_per_s * first.workers;
    m.efficiency = m.speedup / m.workers;
  }
}

}  // namespace

ScalingResults SampleResults(const std::vector<int>& counts, int buckets) {
  ScalingResults results{.model = "gpt: 4 layers, 4 heads, 128 channels, context 64",
                         .mode = "weak",
                         .unit = "tokens",
                         .device = "16 cores of an AMD EPYC 9V74",
                         .transport = "gloo",
                         .date = "2026-11-28",
                         .command = "tools/scaling_bench gpt --workers 1,2,4,8 --repeat 7",
                         .parameters = 813824,
                         .gradient_bytes = kGradientBytes};
  for (const int workers : counts) results.measurements.push_back(Measured(workers, buckets));
  Compare(results);
  return results;
}

std::vector<Prediction> SamplePredictions() {
  const auto predict = [](const char* model, double step, double falls, double published) {
    Prediction p{.model = model, .links = "25 Gbit/s RoCE, 4 P100 a host", .unit = "images"};
    p.assumptions = {"alpha: 14 us a hop between hosts, 3.4 us within one",
                     "beta: 3.0 GB/s of bus bandwidth between hosts, 11 GB/s within one",
                     "no stragglers"};
    for (int workers = 8; workers <= 4096; workers *= 2) {
      const double exposed = step * falls * std::log2(workers);
      const double efficiency = step / (step + exposed);
      p.sizes.push_back({.workers = workers,
                         .step_ms = step + exposed,
                         .units_per_s = 64e3 * workers / (step + exposed),
                         .efficiency = efficiency,
                         .communication_ms = exposed + step / 4,
                         .exposed_ms = exposed,
                         .algorithm = workers < 64 ? "ring" : "two-level",
                         .costliest_bucket = 1,
                         .costliest_name = "bucket 1 (fc6.weight)",
                         .costliest_ms = exposed / 2});
    }
    p.published = {{.workers = 512,
                    .efficiency = published,
                    .source = "Horovod, docs/benchmarks.rst (512 P100, 25 GbE RoCE)"}};
    p.remarks = {"DDP, VLDB 2020: \"near-linear\" on 256 <GPUs>"};
    return p;
  };
  return {predict("ResNet-50", 291, 0.011, 0.9), predict("VGG-16", 430, 0.05, 0.68)};
}

std::vector<std::pair<std::string, ScalingResults>> ExtremeResults() {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<std::pair<std::string, ScalingResults>> all;
  all.emplace_back("one worker", SampleResults({1}, 3));
  std::vector<int> doubled;
  for (int workers = 1; workers <= 4096; workers *= 2) doubled.push_back(workers);
  all.emplace_back("1 to 4,096 workers", SampleResults(doubled, 12));
  all.emplace_back("60 buckets", SampleResults({1, 2, 4, 8}, 60));

  ScalingResults strong = SampleResults({1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64}, 5);
  strong.mode = "strong";
  for (Measurement& m : strong.measurements) {
    for (double* part : {&m.split.load, &m.split.forward, &m.split.backward, &m.split.optimizer}) {
      *part /= m.workers;
    }
    m.split.exposed /= 4;
    m.split.waiting /= m.workers;
    m.step = {.median = m.split.total(), .low = m.split.total(), .high = m.split.total() * 1.2};
    m.units_per_s = 768e3 / m.step.median;
  }
  Compare(strong);
  all.emplace_back("strong scaling", strong);

  ScalingResults named = SampleResults({1, 2}, 2);
  named.model = "<script>alert(\"&\")</script> ]]> \x01\xff " + std::string(300, 'W');
  named.command = "a 'b' \"c\" <d> & \x1b[31m";
  named.measurements[1].buckets[0].name = "bucket 0 (<b>&\"'" + std::string(200, 'n') + ")";
  named.measurements[1].timeline[0].track = "<track>&";
  named.warnings = {"cores <are> \"shared\" & busy"};
  named.measurements[1].warnings = {"the step's quartiles lie 31% apart: figures are worth little"};
  all.emplace_back("names with markup", named);

  ScalingResults zeros = SampleResults({1, 2, 4}, 3);
  for (Measurement& m : zeros.measurements) {
    m.split = {};
    m.step = {};
    m.units_per_s = m.speedup = m.efficiency = 0;
    for (BucketTimes& bucket : m.buckets) bucket = {.name = bucket.name};
    for (StepSpan& span : m.timeline) span.begin = span.end = 0;
  }
  all.emplace_back("zeros", zeros);

  ScalingResults broken = SampleResults({1, 2, 4}, 3);
  Measurement& m = broken.measurements[1];
  m.step.median = m.units_per_s = m.speedup = m.efficiency = kNaN;
  m.split.exposed = kInfinity;
  m.split.backward = kNaN;
  broken.measurements[2].buckets[1] = {
      .name = "bucket 1", .bytes = 8, .ready = kNaN, .start = -kInfinity, .end = kInfinity};
  broken.measurements[2].timeline[1].end = kNaN;
  broken.measurements[2].by_worker[3].compute = kNaN;
  all.emplace_back("not finite", broken);

  all.emplace_back("nothing", ScalingResults{});
  return all;
}

}  // namespace convoy::scaling
