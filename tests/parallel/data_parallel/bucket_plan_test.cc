// Which parameters share a bucket.
#include "parallel/data_parallel/bucket_plan.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

namespace convoy {
namespace {

// One f32 parameter per size in bytes.
ParameterList OfBytes(const std::vector<int64_t>& sizes) {
  ParameterList list;
  for (const int64_t bytes : sizes) {
    list.push_back({fmt::format("p{}", list.size()), Tensor::Zeros({bytes / 4})});
  }
  return list;
}

constexpr BucketOptions kCaps{.bytes = 400, .first_bytes = 100, .last_bytes = 200};

TEST_CASE("Buckets run from the last parameter to the first: small, large ..., small") {
  const ParameterList list = OfBytes({100, 100, 200, 200, 300, 100, 40, 60});
  CHECK(PlanBuckets(list, kCaps) == BucketPlan{{7, 6}, {5, 4}, {3, 2}, {1, 0}});
}

TEST_CASE("What fits the first bucket is one bucket; the last one is never left out") {
  CHECK(PlanBuckets(OfBytes({40, 40}), kCaps) == BucketPlan{{1, 0}});
  CHECK(PlanBuckets(OfBytes({80, 80}), kCaps) == BucketPlan{{1}, {0}});
  CHECK(PlanBuckets(OfBytes({80, 200, 80}), kCaps) == BucketPlan{{2}, {1}, {0}});
  CHECK(PlanBuckets({}, kCaps).empty());
}

TEST_CASE("A parameter larger than the cap has a bucket of its own") {
  CHECK(PlanBuckets(OfBytes({1000, 100, 1000, 1000}), kCaps) == BucketPlan{{3}, {2}, {1}, {0}});
  CHECK(PlanBuckets(OfBytes({4000}), kCaps) == BucketPlan{{0}});
}

TEST_CASE("Empty parameters take no room") {
  CHECK(PlanBuckets(OfBytes({0, 100, 0}), kCaps) == BucketPlan{{2, 1, 0}});
}

TEST_CASE("Dtypes do not share a bucket; buckets are ordered by their last parameter") {
  ParameterList list = OfBytes({40, 40, 40, 40});
  list[1].tensor = Tensor::Zeros({5}, {DType::kBF16});
  list[2].tensor = Tensor::Zeros({5}, {DType::kBF16});
  CHECK(PlanBuckets(list, kCaps) == BucketPlan{{2, 1}, {3, 0}});
}

TEST_CASE("Caps in MiB: the first and the last bucket have no more than the others") {
  const BucketOptions usual = BucketsOfMb(25);
  CHECK(usual.bytes == 26'214'400);
  CHECK(usual.first_bytes == 1'048'576);
  CHECK(usual.last_bytes == 1'048'576);
  const BucketOptions small = BucketsOfMb(0.5);
  CHECK(small.bytes == 524'288);
  CHECK(small.first_bytes == 524'288);
  CHECK(small.last_bytes == 524'288);
  CHECK(BucketsOfMb(1e-9).bytes == 1);
}

TEST_CASE("A bucket's name has its number, two parameters and the count of the rest") {
  CHECK(BucketName(3, {"a"}) == "bucket 3 (a)");
  CHECK(BucketName(0, {"a", "b"}) == "bucket 0 (a, b)");
  CHECK(BucketName(0, {"a", "b", "c", "d", "e"}) == "bucket 0 (a, b and 3 more)");
}

TEST_CASE("Caps must be positive") {
  CHECK_THROWS_WITH(PlanBuckets({}, {.bytes = 0}),
                    "[PlanBuckets] every cap must be positive, got bytes 0, first_bytes 1048576, "
                    "last_bytes 1048576");
}

TEST_CASE("A plan is described line by line") {
  ParameterList list = {{"fc.weight", Tensor::Zeros({2, 3})}, {"fc.bias", Tensor::Zeros({2})}};
  CHECK(DescribePlan(list, {{1}, {0}}) == "fc.bias (2) f32 0\nfc.weight (2, 3) f32 1\n");
}

}  // namespace
}  // namespace convoy
