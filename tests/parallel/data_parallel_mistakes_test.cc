// What DataParallel refuses: workers whose parameters or buffers differ, and wrong arguments.
#include <catch2/catch.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "optim/sgd.h"
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
    const auto error_of = [&](double weight, const ReduceOptions& options) -> std::string {
      try {
        net.Backward(model.Loss(0, 0, 4), weight, options);
      } catch (const Error& error) {
        return error.what();
      }
      return {};
    };
    Expect(error_of(1, {.micro_batch = 2, .micro_batches = 2}) ==
               "[DataParallel] micro_batch 2 is not one of 2",
           "micro-batch");
    Expect(error_of(-0.5, {}) == "[DataParallel] weight must be finite and not negative, got -0.5",
           "weight");
  });
}

TEST_CASE("Calls of Backward and Step in the wrong order are refused, and the next step goes on") {
  const int workers = GENERATE(1, 2);
  RunWorkers(workers, [](Worker& worker) {
    ToyModel model(worker.device());
    DataParallel net(worker, model.parameters, {.buckets = kMany});
    Sgd sgd(net.Parameters(), {.lr = 0.1});
    const double weight = 1.0 / worker.world_size();
    const auto backward = [&](int micro_batch = 0, int micro_batches = 1) {
      net.Backward(model.Loss(0, 0, 4), weight / micro_batches,
                   {.micro_batch = micro_batch, .micro_batches = micro_batches});
    };
    const auto expect = [&](const char* message, const std::function<void()>& call) {
      std::string found = "no error";
      try {
        call();
      } catch (const Error& error) {
        found = error.what();
      }
      Expect(found.starts_with(std::string("[DataParallel] ") + message), found.c_str());
      backward();
      sgd.Step();
    };

    expect("the gradients were not reduced over the workers: call net.Backward(loss, batch) in",
           [&] {
             model.Loss(0, 0, 4).Backward();
             sgd.Step();
           });
    expect("Step after 2 of 3 micro-batches: the gradients are not complete", [&] {
      backward(0, 3);
      backward(1, 3);
      sgd.Step();
    });
    expect("two Backward calls, and no Step between them: the gradients of the first would be",
           [&] {
             backward();
             backward();
           });
    expect("Backward of a new step, but of the 3 micro-batches of the step before only 1 came",
           [&] {
             backward(0, 3);
             backward();
           });
    expect("micro_batch 1 of 4 cannot follow micro_batch 0 of 3", [&] {
      backward(0, 3);
      backward(1, 4);
    });
    expect("a step starts with micro_batch 0, got 1 of 2", [&] { backward(1, 2); });

    // Reading a gradient uses it.
    backward();
    model[0].grad();
    backward();
    for (const FlatBucket& bucket : net.Parameters().buckets()) bucket.before_read();
    backward();
    net.Parameters().ConsumeGradients();  // dropped
    backward();
    sgd.Step();
    sgd.Step();  // with gradients of zero
  });
}

TEST_CASE("A parameter that one worker alone has changed is found, down to one bit") {
  // Flips the last bit of parameter `changed` on worker `victim`.
  const auto drift = [](int workers, int victim, size_t changed) {
    return ErrorOf(workers, [&](Worker& worker) {
      ToyModel model(worker.device());
      Tensor odd = Tensor::Full({3}, 1, {DType::kF32, worker.device()});  // 12 bytes
      model.parameters.push_back({"odd", odd.SetRequiresGrad()});
      DataParallel net(worker, model.parameters, {.buckets = kMany});
      net.CheckReplicas();
      const Tensor& tensor = model.parameters[changed].tensor;
      auto* bytes = static_cast<unsigned char*>(tensor.raw_data());
      if (worker.rank() == victim) bytes[tensor.bytes() - 1] ^= 1;
      if (worker.rank() == victim && changed == 0) {  // and the signs of two elements
        bytes[7] ^= 0x80;
        bytes[15] ^= 0x80;
      }
      net.CheckReplicas();
    });
  };
  CHECK_THAT(drift(3, 2, 0),
             Catch::Contains("[DataParallel] parameter 'fc1.weight' of worker 2 has drifted from "
                             "that of workers 0, 1: write parameters only before"));
  CHECK_THAT(drift(2, 0, 0), Catch::Contains("'fc1.weight' of worker 1 has drifted from that of "
                                             "worker 0"));
  CHECK_THAT(drift(3, 0, 5),
             Catch::Contains("'odd' of worker 0 has drifted from that of workers 1, 2"));
  CHECK(drift(2, -1, 0).empty());
  CHECK(drift(1, 0, 0).empty());
}

}  // namespace
}  // namespace convoy
