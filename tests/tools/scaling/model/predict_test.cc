// Predictions against a table worked out by hand, and against what must hold.
#include "tools/scaling/model/predict.h"

#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "core/base/error.h"
#include "tools/scaling/model/profile_file.h"
#include "tools/scaling/report/predict_text.h"

namespace convoy::scaling {
namespace {

// A step of `compute_ms`, two thirds of it backward, with gradients in equal buckets.
ModelProfile Even(double compute_ms, double bytes, int buckets) {
  ModelProfile profile{.model = "even", .source = "a test", .unit = "tokens", .units = 1000};
  profile.forward_ms = compute_ms / 3;
  profile.backward_ms = compute_ms * 2 / 3;
  for (int i = 0; i < buckets; ++i) {
    profile.parameters.push_back({fmt::format("p{}", i), static_cast<int64_t>(bytes / buckets),
                                  DType::kBF16, profile.backward_ms * (buckets - i) / buckets});
  }
  return profile;
}

PredictOptions OneEach(const ModelProfile& profile, Algorithm algorithm) {
  PredictOptions options{.plan = BucketPlan{}, .algorithm = algorithm};
  for (int i = static_cast<int>(profile.parameters.size()); i-- > 0;) options.plan->push_back({i});
  return options;
}

TEST_CASE("The scaling table of GPT-2 124M and ResNet-50 on H100s") {
  // With t = alpha + 2 (n - 1) / n S / b / busbw: max(t, b t - T_bwd (b - 1) / b) is exposed. 475
  // GB/s and 25 us on 8, a tree at 340 GB/s beyond. In % for 65,536 and 4,096 tokens a GPU (249 MB
  // in 10 buckets), and for batches of 256 and 50 images (51 MB in 4).
  const Links links = FindLinks("dgx-h100-ndr400");
  const struct {
    int workers;
    double exposed_ms, gpt_65k, gpt_4k, images_256, images_50;
  } rows[] = {{8, 0.12, 99.9, 98.9, 99.8, 99.1},
              {64, 0.29, 99.7, 97.2, 99.3, 97.4},
              {512, 0.38, 99.7, 96.4, 99.0, 96.4},
              {4096, 0.46, 99.6, 95.7, 98.8, 95.5}};
  for (const auto& row : rows) {
    CAPTURE(row.workers);
    const Algorithm algorithm = row.workers == 8 ? Algorithm::kNvls : Algorithm::kTree;
    const auto predicted = [&](double compute_ms, double bytes, int buckets) {
      const ModelProfile profile = Even(compute_ms, bytes, buckets);
      return Predict(profile, links, {row.workers}, OneEach(profile, algorithm)).sizes.at(0);
    };
    CHECK(predicted(111.6, 249e6, 10).exposed_ms == Approx(row.exposed_ms).margin(0.005));
    CHECK(100 * predicted(111.6, 249e6, 10).efficiency == Approx(row.gpt_65k).margin(0.05));
    CHECK(100 * predicted(10.2, 249e6, 10).efficiency == Approx(row.gpt_4k).margin(0.07));
    CHECK(100 * predicted(32, 51e6, 4).efficiency == Approx(row.images_256).margin(0.06));
    CHECK(100 * predicted(8.3, 51e6, 4).efficiency == Approx(row.images_50).margin(0.06));
  }
}

TEST_CASE("One worker is as fast as one worker, links of no cost scale perfectly") {
  const ModelProfile profile = FindProfile("resnet50");
  const PredictedSize one =
      Predict(profile, FindLinks("p100-25gbe-roce"), {1}, {.stragglers = {.sigma = 0.05}}).sizes[0];
  CHECK(one.efficiency == Approx(1));
  CHECK(one.step_ms == Approx(profile.step_ms()));
  CHECK(one.units_per_s == Approx(219));
  CHECK(one.exposed_ms == 0);
  CHECK(one.algorithm.empty());
  CHECK(one.costliest_name.empty());
  const Links free{.name = "free",
                   .levels = {{.name = "link", .gb_per_s = 1e30}},
                   .algorithms = {{.latency_us = {0}, .gb_per_s = {1e30}}}};
  for (const PredictedSize& size : Predict(profile, free, {2, 512}).sizes) {
    CHECK(size.efficiency == Approx(1));
    CHECK(size.exposed_ms == Approx(0).margin(1e-9));
    CHECK(size.units_per_s == Approx(219.0 * size.workers));
  }
}

TEST_CASE("Efficiency does not rise with workers, stragglers or slower links") {
  for (const std::string& name : BundledProfiles()) {
    CAPTURE(name);
    const ModelProfile profile = FindProfile(name);
    Links links = FindLinks("p100-25gbe-roce");
    double before = 1;
    std::vector<double> all;
    for (const PredictedSize& size : Predict(profile, links, {4096, 8, 512, 8, 64}).sizes) {
      CHECK(size.efficiency <= before);
      CHECK(size.waiting_ms == 0);
      before = size.efficiency;
      all.push_back(size.efficiency);
    }
    REQUIRE(all.size() == 4);
    const PredictedSize late =
        Predict(profile, links, {512}, {.stragglers = {.sigma = 0.02}}).sizes[0];
    CHECK(late.efficiency < all[2]);
    CHECK(late.waiting_ms / (profile.forward_ms + profile.backward_ms) ==
          Approx(0.02 * 3.04).epsilon(0.05));
    for (std::vector<double>* figures : {&links.algorithms[0].gb_per_s}) {
      for (double& figure : *figures) figure /= 2;
    }
    CHECK(Predict(profile, links, {512}).sizes[0].efficiency < all[2]);
  }
}

TEST_CASE("The bucket that costs most is the one whose sum takes most off the step") {
  // 40 MB for backward's first gradient, 4 for the others: the first is hidden.
  ModelProfile profile{.model = "m", .backward_ms = 100, .optimizer_ms = 1};
  profile.parameters = {{"first", 4'000'000, DType::kF32, 100},
                        {"middle", 4'000'000, DType::kF32, 60},
                        {"last", 40'000'000, DType::kF32, 10}};
  Links links{.name = "l",
              .levels = {{.name = "link", .gb_per_s = 1}},
              .algorithms = {{.latency_us = {0}, .gb_per_s = {1}}}};
  const PredictOptions options{.plan = BucketPlan{{2}, {1}, {0}}};
  PredictedSize size = Predict(profile, links, {2}, options).sizes[0];  // 40, 4 and 4 ms
  CHECK(size.exposed_ms == Approx(4));
  CHECK(size.costliest_bucket == 2);
  CHECK(size.costliest_name == "bucket 2 (first)");
  CHECK(size.costliest_ms == Approx(4));
  links.algorithms[0].gb_per_s[0] = 0.25;  // 160, 16 and 16 ms, from 10 on
  size = Predict(profile, links, {2}, options).sizes[0];
  CHECK(size.exposed_ms == Approx(102));
  CHECK(size.costliest_name == "bucket 0 (last)");
  // Without it: 60 to 76, 100 to 116.
  CHECK(size.costliest_ms == Approx(102 - 16));
}

TEST_CASE("Strong scaling keeps the global batch: computing shrinks, communication does not") {
  const ModelProfile profile = Even(80, 1e6, 1);
  const Links links{.name = "l",
                    .levels = {{.name = "link", .gb_per_s = 1}},
                    .algorithms = {{.latency_us = {0}, .gb_per_s = {1}}}};
  PredictOptions options{.batch_of = 8};
  // 2 * 15 / 16 MB at 1 GB/s beside 40 ms.
  const PredictedSize size = Predict(profile, links, {16}, options).sizes[0];
  CHECK(size.step_ms == Approx(40 + 1.875));
  CHECK(size.efficiency == Approx(40 / 41.875));
  CHECK(size.units_per_s == Approx(8 * 1000 / 41.875e-3));
}

TEST_CASE("Sums on the workers' own cores add to the step") {
  const ModelProfile profile = Even(30, 2e6, 2);
  const Links links{
      .name = "l",
      .levels = {{.name = "memory", .gb_per_s = 1}},
      .algorithms = {{.algorithm = Algorithm::kInProcess, .latency_us = {0}, .gb_per_s = {1}}}};
  const PredictedSize size = Predict(profile, links, {2}).sizes[0];
  CHECK(size.step_ms == Approx(30 + 2));
  CHECK(size.exposed_ms == Approx(2));
  CHECK(size.algorithm == "inprocess");
}

TEST_CASE("Horovod's order is predicted: VGG-16 scales worst, and published figures are beside") {
  const Links links = FindLinks("p100-25gbe-roce");
  const auto at_512 = [&](const std::string& name) {
    return Predict(FindProfile(name), links, {512}).sizes[0].efficiency;
  };
  CHECK(at_512("vgg16") < at_512("resnet101"));
  CHECK(at_512("vgg16") < at_512("inception-v3"));
  const Prediction vgg = Predict(FindProfile("vgg16"), links, {8, 512});
  REQUIRE(vgg.published.size() == 1);
  CHECK(vgg.published[0].workers == 512);
  CHECK(vgg.published[0].efficiency == 0.68);
  CHECK_THAT(vgg.published[0].source, Catch::Contains("Horovod"));
  CHECK(Predict(FindProfile("resnet50"), links, {8}).remarks.size() == 1);
  CHECK(Predict(Even(1, 1, 1), links, {8}).published.empty());
}

TEST_CASE("A prediction says what it stands on") {
  const ModelProfile profile = FindProfile("vgg16");
  const Links links = FindLinks("p100-25gbe-roce");
  const Prediction prediction =
      Predict(profile, links, {1, 512}, {.stragglers = {.sigma = 0.02}, .measures_norm = false});
  const std::string text = PredictionText(prediction);
  for (const std::string& part :
       {std::string("Predicted, not measured: vgg16 on 4 P100 a node"), profile.source,
        links.source, std::string("weak scaling"),
        std::string("link: PCIe 3.0 x16, up to 4 members, 12 GB/s, 5.7 us a hop"),
        std::string("allreduce: ring"), std::string("varies by 2%"),
        std::string("updates a bucket as soon as it is summed"), std::string("527.8 MiB in "),
        std::string("| published |"), std::string("|     68.0% |"),
        std::string("| exposed ms | waiting ms |"), std::string("| costs ms |"),
        fmt::format("| {:>10.2f} | {:>10.2f} |", prediction.sizes[1].exposed_ms,
                    prediction.sizes[1].waiting_ms)}) {
    CAPTURE(text);
    CHECK_THAT(text, Catch::Contains(part));
  }
  CHECK_THAT(PredictionText(Predict(profile, links, {8}, {.batch_of = 8})),
             Catch::Contains("strong scaling: the global batch is 512 images") &&
                 Catch::Contains("stragglers: none"));
}

}  // namespace
}  // namespace convoy::scaling
