// How long an allreduce takes: latency and bandwidth of every algorithm, by level of links.
#include "tools/scaling/model/allreduce_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/error.h"

namespace convoy::scaling {
namespace {

// The limits of parallel/transport/gloo/collectives.cc.
constexpr double kSegmentBytes = 2 << 20;
constexpr double kWholeBytes = 32 << 10;

// How long `bytes` take at `gb_per_s` * 1e9 bytes a second.
double Microseconds(double bytes, double gb_per_s) { return bytes / gb_per_s * 1e-3; }

}  // namespace

AllReduceModel::AllReduceModel(const Links& links, int workers, std::optional<Algorithm> only)
    : workers_(workers), groups_(links.Split(workers)) {
  size_t reached = groups_.size();  // levels at which members meet
  while (reached > 0 && groups_[reached - 1] == 1) --reached;
  std::string short_ones;
  for (const AlgorithmCost& cost : links.algorithms) {
    if (only && cost.algorithm != *only) continue;
    if (cost.latency_us.size() >= reached) {
      algorithms_.push_back(cost);
    } else {
      short_ones += fmt::format("{}{}", short_ones.empty() ? "" : ", ", Name(cost.algorithm));
    }
  }
  if (!algorithms_.empty()) return;
  std::string all;
  for (const AlgorithmCost& cost : links.algorithms) {
    all += fmt::format("{}{}", all.empty() ? "" : ", ", Name(cost.algorithm));
  }
  CONVOY_CHECK(!short_ones.empty(), "[links] '{}' has no algorithm '{}'; it has: {}", links.name,
               Name(*only), all);
  Fail("[links] on '{}' {} does not reach level '{}', which {} workers need", links.name,
       short_ones, links.levels[reached - 1].name, workers);
}

const AlgorithmCost& AllReduceModel::Find(Algorithm algorithm) const {
  const auto at = std::find_if(algorithms_.begin(), algorithms_.end(),
                               [&](const AlgorithmCost& c) { return c.algorithm == algorithm; });
  CONVOY_CHECK(at != algorithms_.end(), "[links] no algorithm '{}' reaches {} workers",
               Name(algorithm), workers_);
  return *at;
}

double AllReduceModel::Latency(const AlgorithmCost& cost) const {
  double us = cost.base_us;
  if (cost.algorithm == Algorithm::kTwoLevel) us *= 3;  // three collectives
  int members = workers_;  // members of this level, over all its groups
  for (size_t l = 0; l < groups_.size() && members > 1; ++l) {
    const int groups = members / groups_[l];
    double hops = 0;
    switch (cost.algorithm) {
      case Algorithm::kRing:
        hops = 2.0 * (members - groups);
        break;
      case Algorithm::kTree:
      case Algorithm::kTwoLevel:
        hops = 2 * (l == 0 ? groups_[l] - 1.0 : std::log2(groups_[l]));
        break;
      case Algorithm::kNvls:
        hops = groups_[l] > 1 ? 1 : 0;
        break;
      case Algorithm::kNvlsTree:
        hops = l == 0 ? (groups_[l] > 1 ? 1 : 0) : 2 * std::log2(groups_[l]);
        break;
      case Algorithm::kDirect:
        hops = groups == 1 ? 3 : 0;  // all messages at once: the outermost level counts
        break;
      case Algorithm::kInProcess:
        break;
    }
    us += hops == 0 ? 0 : hops * cost.latency_us[l];
    members = groups;
  }
  return us;
}

double AllReduceModel::Transfer(const AlgorithmCost& cost, double bytes) const {
  const double n = workers_;
  if (cost.algorithm == Algorithm::kTwoLevel) {
    double us = 0;
    for (size_t l = 0; l < groups_.size(); ++l) {
      const double g = groups_[l];
      if (g > 1) us += scaling::Microseconds(2 * (g - 1) / g * bytes, cost.gb_per_s[l]);
    }
    return us;
  }
  double slowest = std::numeric_limits<double>::infinity();
  for (size_t l = 0; l < groups_.size(); ++l) {
    if (groups_[l] > 1) slowest = std::min(slowest, cost.gb_per_s[l]);
  }
  return scaling::Microseconds(2 * (n - 1) / n * bytes, slowest);
}

double AllReduceModel::Direct(const AlgorithmCost& cost, double bytes) const {
  const double n = workers_;
  const bool whole = bytes * n <= kWholeBytes;
  // Bytes that a worker sends to each other worker, over both hops.
  const double each = whole ? bytes : 2 * bytes / n;
  double us = 0;
  double workers = 1;  // in one member of this level
  for (size_t l = 0; l < groups_.size(); ++l) {
    if (groups_[l] > 1) {
      const double sent = workers * (n - workers) * each;
      us = std::max(us, scaling::Microseconds(sent, cost.gb_per_s[l]));
    }
    workers *= groups_[l];
  }
  const double segment = std::min(bytes / n, kSegmentBytes);
  if (!whole && workers_ > 2) us *= 1 + cost.uneven * segment / (bytes / n);
  if (cost.sum_gb_per_s > 0) {
    us += scaling::Microseconds((whole ? bytes : segment) * n, cost.sum_gb_per_s);
  }
  double latency = Latency(cost);
  if (whole) latency -= (latency - cost.base_us) / 3;  // there is no second hop
  return latency + us;
}

double AllReduceModel::Microseconds(const AlgorithmCost& cost, int64_t bytes) const {
  if (workers_ == 1 || bytes == 0) return 0;
  const double size = static_cast<double>(bytes);
  if (cost.algorithm == Algorithm::kDirect) return Direct(cost, size);
  return Latency(cost) + Transfer(cost, size);
}

AllReduceTime AllReduceModel::Best(int64_t bytes) const {
  AllReduceTime best{algorithms_.front().algorithm, std::numeric_limits<double>::infinity()};
  for (const AlgorithmCost& cost : algorithms_) {
    const double ms = Microseconds(cost, bytes) * 1e-3;
    if (ms < best.ms) best = {cost.algorithm, ms};
  }
  return best;
}

double AllReduceModel::Milliseconds(Algorithm algorithm, int64_t bytes) const {
  return Microseconds(Find(algorithm), bytes) * 1e-3;
}

double AllReduceModel::LatencyMicroseconds(Algorithm algorithm) const {
  return Latency(Find(algorithm));
}

}  // namespace convoy::scaling
