// The advised plan against all plans there are.
#include "tools/scaling/model/advise.h"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "core/base/error.h"
#include "tools/scaling/model/profile_file.h"

namespace convoy::scaling {
namespace {

Links Simple(double gb_per_s, double latency_us, const std::string& algorithm = "ring") {
  return ParseLinks(
      fmt::format("name = \"simple\"\nsource = \"a test\"\n[[level]]\nname = \"link\"\n"
                  "bandwidth_gb_per_s = {}\nlatency_us = {}\n[[algorithm]]\nname = \"{}\"\n",
                  gb_per_s, latency_us, algorithm),
      "simple.toml");
}

// Up to 9 parameters whose gradients come from the last to the first, with some out of order.
ModelProfile RandomProfile(std::mt19937& bits, bool two_dtypes) {
  const auto number = [&](double high) { return std::uniform_real_distribution(0.0, high)(bits); };
  ModelProfile profile{.model = "random", .unit = "samples", .units = 1};
  profile.forward_ms = number(5);
  profile.backward_ms = 5 + number(10);
  profile.optimizer_ms = number(3);
  const int count = 1 + static_cast<int>(bits() % 9);
  for (int i = 0; i < count; ++i) {
    const double late = number(1) < 0.2 ? number(1) : static_cast<double>(count - i) / count;
    profile.parameters.push_back({fmt::format("p{}", i), 1 + static_cast<int64_t>(number(4e6)),
                                  two_dtypes && bits() % 3 == 0 ? DType::kBF16 : DType::kF32,
                                  profile.backward_ms * late});
  }
  return profile;
}

// The shortest step of all plans that cut the reversed order into buckets of one dtype.
double BestOfAll(const ModelProfile& profile, const Links& links, PredictOptions options) {
  const int count = static_cast<int>(profile.parameters.size());
  double best = 1e300;
  for (unsigned cuts = 0; cuts < 1u << (count - 1); ++cuts) {
    BucketPlan plan = {{}};
    bool mixed = false;
    for (int i = count; i-- > 0;) {
      plan.back().push_back(i);
      const auto dtype = [&](int p) { return profile.parameters[static_cast<size_t>(p)].dtype; };
      mixed = mixed || dtype(plan.back().front()) != dtype(i);
      if (i > 0 && (cuts >> (i - 1) & 1) != 0) plan.emplace_back();
    }
    if (mixed) continue;
    options.plan = plan;
    best = std::min(best, Schedule(LoadOn(profile, links, 4, options)).step);
  }
  return best;
}

TEST_CASE("No plan has a shorter step than the advised one") {
  std::mt19937 bits(3);
  for (int i = 0; i < 150; ++i) {
    const ModelProfile profile = RandomProfile(bits, i % 3 == 0);
    const Links links =
        Simple(0.3 * (1 + i % 7), 20 * (1 + i % 5), i % 10 == 9 ? "inprocess" : "ring");
    PredictOptions options;
    options.measures_norm = i % 2 == 0;
    const Advice advice = Advise(profile, links, 4, options);
    CAPTURE(i, profile.parameters.size(), advice.plan.size());
    const double best = std::min(BestOfAll(profile, links, options), advice.default_step_ms);
    CHECK(advice.step_ms == Approx(best).epsilon(1e-9));
    if (i % 3 == 0) continue;
    // It is a plan: every parameter once, from the last to the first.
    int next = static_cast<int>(profile.parameters.size());
    for (const std::vector<int>& bucket : advice.plan) {
      for (const int index : bucket) CHECK(index == --next);
    }
    CHECK(next == 0);
  }
}

TEST_CASE("Latency wants few buckets, exposed bytes a small last one") {
  ModelProfile profile{.model = "even", .backward_ms = 10};
  for (int i = 0; i < 10; ++i) {
    profile.parameters.push_back({fmt::format("p{}", i), 1'000'000, DType::kF32, 10.0 - i});
  }
  // 30 ms a sum, whatever its size: one.
  CHECK(Advise(profile, Simple(1000, 5000), 4).plan.size() == 1);
  // 1.5 ms for each parameter's bytes, longer than backward: any cut will do after the first.
  const Advice advice = Advise(profile, Simple(1, 0.001), 4);
  CHECK(advice.plan.front().size() == 1);
  CHECK(advice.step_ms == Approx(1 + 15).epsilon(1e-3));
  // Nothing but the last one's sum is exposed where links keep up.
  const Advice fast = Advise(profile, Simple(2, 0.001), 4);
  CHECK(fast.plan.back().size() == 1);
  CHECK(fast.exposed_ms == Approx(0.75).epsilon(1e-3));
  CHECK(fast.buckets.back().name == fmt::format("bucket {} (p0)", fast.plan.size() - 1));
  CHECK(fast.buckets.back().times.exposed == Approx(0.75).epsilon(1e-3));
}

TEST_CASE("The advice for a bundled model gains on the default plan") {
  const Advice advice = Advise(FindProfile("vgg16"), FindLinks("p100-25gbe-roce"), 512);
  CHECK(advice.default_step_ms > advice.step_ms);
  CHECK(advice.default_buckets == PlanSizes(FindProfile("vgg16").sizes()).size());
  int64_t bytes = 0;
  for (const Advice::Bucket& bucket : advice.buckets) bytes += bucket.bytes;
  CHECK(bytes == 4 * 138'357'544);
}

TEST_CASE("A model without parameters has a plan without buckets") {
  CHECK(Advise({.model = "none", .backward_ms = 1}, Simple(1, 1), 4).plan.empty());
}

}  // namespace
}  // namespace convoy::scaling
