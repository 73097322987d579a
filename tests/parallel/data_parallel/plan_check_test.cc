// Which worker and which parameter are named when three workers have planned differently.
#include "parallel/data_parallel/plan_check.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/parallel/workers.h"

namespace convoy {
namespace {

/// The error on workers with these descriptions, without its first word: who was first to throw.
std::string Disagreement(const std::vector<std::string>& descriptions) {
  const std::string message = ErrorOf(static_cast<int>(descriptions.size()), [&](Worker& worker) {
    CheckSamePlan(worker, descriptions[static_cast<size_t>(worker.rank())]);
  });
  const size_t begin = message.find("[DataParallel]");
  return begin == std::string::npos ? message : message.substr(begin);
}

const std::string kB = "b (2) f32 0\n", kA = "a (3, 4) f32 1\n", kAll = kB + kA;

TEST_CASE("Three workers with one plan agree") { CHECK(Disagreement({kAll, kAll, kAll}).empty()); }

TEST_CASE("The worker that differs is named, also if it is the last") {
  CHECK(Disagreement({kAll, kAll, kB + "a (4, 3) f32 1\n"}) ==
        "[DataParallel] workers disagree on parameter 'a': worker 0 has (3, 4) f32, worker 2 has "
        "(4, 3) f32");
  CHECK(Disagreement({kAll, kAll, kB + "a (3, 4) f32 0\n"}) ==
        "[DataParallel] workers disagree on the bucket of parameter 'a': 1 on worker 0, 0 on "
        "worker 2; give all workers the same BucketOptions");
  CHECK(Disagreement({kAll, kAll, kB}) ==
        "[DataParallel] workers disagree on the parameters (last first, number 2): worker 0 has "
        "'a' (3, 4) f32, worker 2 has only 1 parameters");
  CHECK(Disagreement({kB, kB, kAll}) ==
        "[DataParallel] workers disagree on the parameters (last first, number 2): worker 0 has "
        "only 1 parameters, worker 2 has 'a' (3, 4) f32");
}

TEST_CASE("Of several that differ the first parameter is named, and its first worker") {
  const std::string other_b = "b (5) f32 0\n", other_a = "a (3, 5) f32 1\n";
  CHECK(Disagreement({kAll, other_b + kA, other_b + kA}) ==
        "[DataParallel] workers disagree on parameter 'b': worker 0 has (2) f32, worker 1 has (5) "
        "f32");
  CHECK(Disagreement({kAll, kB + other_a, other_b + kA}) ==
        "[DataParallel] workers disagree on parameter 'b': worker 0 has (2) f32, worker 2 has (5) "
        "f32");
}

}  // namespace
}  // namespace convoy
