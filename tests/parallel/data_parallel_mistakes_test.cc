// What DataParallel refuses: workers whose parameters or buffers differ, and wrong arguments.
#include <catch2/catch.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "parallel/data_parallel.h"
#include "tests/parallel/toy_model.h"
#include "tests/parallel/workers.h"

namespace convoy {
namespace {

// One bucket per parameter.
constexpr BucketOptions kMany{.bytes = 1, .first_bytes = 1, .last_bytes = 1};

// The error of DataParallel's constructor when worker 1 of 2 has `change` made to its parameters.
std::string PlanError(const std::function<void(ParameterList&)>& change,
                      BucketOptions changed = {}) {
  const std::string message = ErrorOf(2, [&](Worker& worker) {
    ToyModel model(worker.device());
    if (!worker.is_main()) change(model.parameters);
    DataParallel net(worker, model.parameters,
                     {.buckets = worker.is_main() ? BucketOptions() : changed});
  });
  const size_t prefix = std::string("[worker 0 of 2] ").size();
  return message.size() < prefix ? message : message.substr(prefix);
}

TEST_CASE("Workers with different parameters are told which one differs first") {
  CHECK(PlanError([](ParameterList&) {}).empty());
  CHECK(PlanError([](ParameterList& list) {
          list[3].tensor = ToyModel::Make({6, 2}, list[3].tensor.device(), 0);
        }) ==
        "[DataParallel] workers disagree on parameter 'fc2.weight': worker 0 has (5, 2) f64, "
        "worker 1 has (6, 2) f64");
  CHECK(PlanError([](ParameterList& list) {
          list[1].tensor = Tensor::Zeros({5}, {DType::kF32, list[1].tensor.device()});
          list[1].tensor.SetRequiresGrad();
        }) ==
        "[DataParallel] workers disagree on parameter 'fc1.bias': worker 0 has (5) f64, worker 1 "
        "has (5) f32");
  CHECK(PlanError([](ParameterList& list) { list[4].name = "fc2.shift"; }) ==
        "[DataParallel] workers disagree on the parameters (last first, number 1): worker 0 has "
        "'fc2.bias' (2) f64, worker 1 has 'fc2.shift' (2) f64");
  CHECK(PlanError([](ParameterList& list) { list.erase(list.begin()); }) ==
        "[DataParallel] workers disagree on the parameters (last first, number 5): worker 0 has "
        "'fc1.weight' (3, 5) f64, worker 1 has only 4 parameters");
  CHECK(PlanError([](ParameterList&) {}, kMany) ==
        "[DataParallel] workers disagree on the bucket of parameter 'fc2.weight': 0 on worker 0, 1 "
        "on worker 1; give all workers the same BucketOptions");
}

TEST_CASE("Buffers start with worker 0's values, and must be the same tensors everywhere") {
  const auto with_buffer = [](Worker& worker, int64_t n) {
    ToyModel model(worker.device());
    const Tensor mean = Tensor::Full({n}, worker.rank() + 1.5, {DType::kF32, worker.device()});
    const Tensor steps = Tensor::Full({}, worker.rank() + 7, {DType::kI64, worker.device()});
    DataParallel net(worker, model.parameters, {.buffers = {{"mean", mean}, {"steps", steps}}});
    ExpectEqual(mean.ToVector<float>(), std::vector<float>(static_cast<size_t>(n), 1.5f), "mean");
    ExpectEqual(steps.Item<int64_t>(), 7, "steps");
  };
  RunWorkers(3, [&](Worker& worker) { with_buffer(worker, 4); });
  CHECK_THAT(ErrorOf(2, [&](Worker& worker) { with_buffer(worker, worker.rank() + 2); }),
             Catch::EndsWith("[DataParallel] workers disagree on buffer 'mean': worker 0 has (2) "
                             "f32, worker 1 has (3) f32"));
}

TEST_CASE("Mistakes of a trainer are named") {
  CHECK(ErrorOf(2,
                [](Worker& worker) {
                  ToyModel model(Device::Cpu(1));
                  DataParallel net(worker, model.parameters);
                }) ==
        "[worker 0 of 2] [DataParallel] parameter 'fc1.weight' is on cpu:1, but worker 0 computes "
        "on cpu:0; build the model on worker.device()");
  RunWorkers(1, [](Worker& worker) {
    ToyModel model(worker.device());
    DataParallel net(worker, model.parameters);
    const auto error_of = [&](const ReduceOptions& options) -> std::string {
      try {
        net.Backward(model.Loss(0, 0, 4), options);
      } catch (const Error& error) {
        return error.what();
      }
      return {};
    };
    Expect(error_of({.micro_batch = 2, .micro_batches = 2}) ==
               "[DataParallel] micro_batch 2 is not one of 2",
           "micro-batch");
    Expect(error_of({.weight = -0.5}) ==
               "[DataParallel] weight must be finite and not negative, got -0.5",
           "weight");
  });
}

}  // namespace
}  // namespace convoy
