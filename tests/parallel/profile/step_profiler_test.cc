// Where the time of a step goes, as StepProfiler tells it.
#include "parallel/profile/step_profiler.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <mutex>
#include <thread>
#include <vector>

#include "parallel/data_parallel.h"
#include "tests/parallel/toy_model.h"
#include "tests/parallel/workers.h"

namespace convoy {
namespace {

using std::chrono::milliseconds;

constexpr BucketOptions kMany{.bytes = 1, .first_bytes = 1, .last_bytes = 1};

// A step in which worker `late` takes 30 ms longer for its forward pass.
void Step(Worker& worker, ToyModel& model, DataParallel& net, StepProfiler& profiler, int late) {
  profiler.Enter(StepPhase::kLoad);
  profiler.Enter(StepPhase::kForward);
  const Tensor loss = model.Loss(0, 0, 4);
  if (worker.rank() == late) std::this_thread::sleep_for(milliseconds(30));
  profiler.Enter(StepPhase::kBackward);
  net.Backward(loss, 1.0 / worker.world_size());
  profiler.Enter(StepPhase::kOptimizer);
  for (const FlatBucket& bucket : net.Parameters().buckets()) {
    if (bucket.before_read) bucket.before_read();
  }
  profiler.EndStep();
}

TEST_CASE("Phases follow each other without gaps, and hold what happens in them") {
  RunWorkers(2, [](Worker& worker) {
    ToyModel model(worker.device());
    DataParallel net(worker, model.parameters, {.buckets = kMany});
    StepProfiler profiler(worker, net);
    Expect(!profiler.Take().has_value(), "nothing to take yet");
    for (int i = 0; i < 3; ++i) Step(worker, model, net, profiler, -1);
    for (int i = 0; i < 3; ++i) {
      const StepTimes step = profiler.Take().value();
      ExpectEqual(step.phases.size(), size_t{4}, "four phases");
      for (size_t p = 0; p + 1 < step.phases.size(); ++p) {
        Expect(step.phases[p].end == step.phases[p + 1].begin, "no gap");
        Expect(step.phases[p].begin <= step.phases[p].end, "forwards in time");
      }
      const auto& backward = step.phases[2];
      Expect(backward.phase == StepPhase::kBackward, "the third is backward");
      Expect(backward.begin <= step.backward_begin && step.backward_end <= backward.end,
             "Backward in its phase");
      ExpectEqual(step.buckets.size(), size_t{5}, "a bucket per parameter");
      for (const StepTimes::Bucket& bucket : step.buckets) {
        Expect(step.backward_begin <= bucket.ready && bucket.ready <= step.backward_end,
               "gradients in backward");
        Expect(bucket.ready <= *bucket.called && *bucket.called < *bucket.returned, "the call");
        Expect(*bucket.started <= *bucket.ended && *bucket.ended <= *bucket.wait_end,
               "a wait that ends after the sum");
        Expect(step.phases[3].begin <= *bucket.wait_begin && *bucket.wait_end <= step.end(),
               "waited for by the optimizer");
      }
      Expect(step.parameters.size() == 5 && step.parameters[0].name == model.parameters[4].name,
             "parameters in the order of the plan");
    }
    Expect(!profiler.Take().has_value(), "all are taken");
  });
}

TEST_CASE("A sum cannot start before the last worker is there, and its wait shows who is late") {
  std::mutex mutex;
  std::vector<StepTimes> steps(2);
  RunWorkers(2, [&](Worker& worker) {
    ToyModel model(worker.device());
    DataParallel net(worker, model.parameters, {.buckets = kMany});
    StepProfiler profiler(worker, net);
    worker.group().Barrier();
    Step(worker, model, net, profiler, /*late=*/1);
    const std::lock_guard lock(mutex);
    steps[static_cast<size_t>(worker.rank())] = profiler.Take().value();
  });
  const auto& early = steps[0].buckets[0];
  const auto& late = steps[1].buckets[0];
  CHECK(late.ready - early.ready > milliseconds(15));
  CHECK(*early.started == *late.started);
  CHECK(*early.started >= late.ready);
  CHECK(*early.wait_end - *early.wait_begin > milliseconds(15));
}

TEST_CASE("A worker that is alone has times of its gradients, and of no sums") {
  RunWorkers(1, [](Worker& worker) {
    ToyModel model(worker.device());
    DataParallel net(worker, model.parameters, {.buckets = kMany});
    StepProfiler profiler(worker, net);
    Step(worker, model, net, profiler, -1);
    const StepTimes step = profiler.Take().value();
    for (const StepTimes::Bucket& bucket : step.buckets) {
      Expect(!bucket.called && !bucket.started && !bucket.wait_begin, "no sum");
    }
    const auto& b = step.buckets;  // fc2.bias, fc2.weight, unused, fc1.bias, fc1.weight
    Expect(b[2].ready == step.backward_begin, "what is not reached is ready at the begin");
    Expect(std::max(b[0].ready, b[1].ready) < std::min(b[3].ready, b[4].ready),
           "the last layer's gradients come first");
  });
}

TEST_CASE("Without a profiler there is no trace") {
  RunWorkers(1, [](Worker& worker) {
    ToyModel model(worker.device());
    DataParallel net(worker, model.parameters);
    net.Backward(model.Loss(0, 0, 4), 1.0 / worker.world_size());
    Expect(net.trace() == nullptr, "no trace");
  });
  CHECK_THROWS_WITH(RunWorkers(1,
                               [](Worker& worker) {
                                 ToyModel model(worker.device());
                                 DataParallel net(worker, model.parameters);
                                 StepProfiler(worker, net).EndStep();
                               }),
                    Catch::Contains("[StepProfiler] EndStep without Enter before"));
}

}  // namespace
}  // namespace convoy
