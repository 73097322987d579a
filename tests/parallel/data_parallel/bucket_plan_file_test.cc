// Bucket plans as files: what is written can be read, and what does not fit is refused by line.
#include "parallel/data_parallel/bucket_plan_file.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <vector>

#include "optim/sgd.h"
#include "parallel/data_parallel.h"
#include "tests/models/data/temporary_folder.h"
#include "tests/parallel/toy_model.h"
#include "tests/parallel/workers.h"

namespace convoy {
namespace {

const std::vector<ParameterSize> kParameters = {{"embed", 400, DType::kF32},
                                                {"scale", 8, DType::kBF16},
                                                {"fc.weight", 200, DType::kF32},
                                                {"fc.bias", 20, DType::kF32}};

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_CASE("A plan that was written is read again") {
  const TemporaryFolder folder;
  const BucketPlan plan = {{3, 2}, {1}, {0}};
  WriteBucketPlan(folder / "plan.toml", kParameters, plan,
                  {.model = "a \"model\"", .made_by = "a test\\\n"});
  CHECK(ReadBucketPlan(folder / "plan.toml", kParameters) == plan);
  CHECK(
      Content(folder / "plan.toml") ==
      R"(# Which parameters are summed together, for --bucket-plan: buckets in the order of their sums,
# from the last parameter registered to the first.
model = "a \"model\""
made_by = "a test\\\u000a"

[[bucket]]  # 220 bytes
parameters = [
  "fc.bias",
  "fc.weight",
]

[[bucket]]  # 8 bytes
parameters = [
  "scale",
]

[[bucket]]  # 400 bytes
parameters = [
  "embed",
]
)");
}

std::string ErrorOfReading(const TemporaryFolder& folder, const std::string& text) {
  folder.Write("plan.toml", text);
  try {
    ReadBucketPlan(folder / "plan.toml", kParameters);
  } catch (const Error& error) {
    std::string message = error.what();
    const std::string path = folder / "plan.toml";
    if (const size_t at = message.find(path); at != message.npos) {
      message.replace(at, path.size(), "plan.toml");
    }
    return message;
  }
  return "none";
}

TEST_CASE("A plan that does not fit the model is refused with line and reason") {
  const TemporaryFolder folder;
  const auto buckets = [](const std::vector<std::string>& lists) {
    std::string text;
    for (const std::string& list : lists) {
      text += fmt::format("[[bucket]]\nparameters = [{}]\n", list);
    }
    return text;
  };
  const std::string bias = R"("fc.bias", "fc.weight")", scale = R"("scale")", embed = R"("embed")";
  const struct {
    std::string text, message;
  } rows[] = {
      {buckets({bias, scale, R"("embed", "head")"}),
       "[bucket plan] plan.toml:6: the model has no parameter 'head'; its first is 'embed', its "
       "last "
       "'fc.bias'"},
      {buckets({bias, scale}),
       "[bucket plan] plan.toml: parameter 'embed' is in no bucket; the model has 4 parameters, "
       "the "
       "plan 3"},
      {"",
       "[bucket plan] plan.toml: parameter 'embed' is in no bucket; the model has 4 parameters, "
       "the plan 0"},
      {buckets({bias, scale, embed, bias}),
       "[bucket plan] plan.toml:8: parameter 'fc.bias' is planned twice, first in line 2"},
      {buckets({scale, bias, embed}),
       "[bucket plan] plan.toml:4: the bucket ends with 'fc.weight', which is registered after "
       "'scale', the end of the bucket before; write buckets from the last parameter to the first"},
      {buckets({R"("fc.weight", "fc.bias")", scale, embed}),
       "[bucket plan] plan.toml:2: 'fc.bias' is registered after 'fc.weight', which stands before "
       "it; write parameters from the last to the first"},
      {buckets({R"("fc.bias", "embed")", scale, R"("fc.weight")"}),
       "[bucket plan] plan.toml:4: the bucket ends with 'scale', which is registered after "
       "'embed', "
       "the end of the bucket before; write buckets from the last parameter to the first"},
      {buckets({R"("fc.bias", "fc.weight", "scale")", embed}),
       "[bucket plan] plan.toml:2: a bucket has one dtype, but 'fc.bias' is f32 and 'scale' is "
       "bf16; "
       "give it another bucket"},
      {buckets({bias, "", embed}),
       "[bucket plan] plan.toml:4: a bucket wants at least one parameter, got none"},
      {"[[bucket]]\n", "[bucket plan] plan.toml:1: the key 'parameters' is missing"},
      {"[[bucket]]\nparameters = \"embed\"\n",
       "[bucket plan] plan.toml:2: 'parameters' must be an array of texts in quotes, got the "
       "string "
       "'embed'"},
      {"[[bucket]]\nparameters = [\n\"fc.bias\",\n3]\n",
       "[bucket plan] plan.toml:4: 'parameters' must be an array of texts in quotes, got 3"},
      {buckets({bias, scale, embed}) + "size = 3\n",
       "[bucket plan] plan.toml:7: the key 'size' is unknown; those that are known here: "
       "parameters"},
      {"bytes = 3\n" + buckets({bias, scale, embed}),
       "[bucket plan] plan.toml:1: the key 'bytes' is unknown; those that are known here: bucket, "
       "made_by, model"},
      {"bucket = 3\n",
       "[bucket plan] plan.toml:1: 'bucket' must be an array of tables, [[bucket]], got 3"},
      {"model = 3\n", "[bucket plan] plan.toml:1: 'model' must be a text in quotes, got 3"},
  };
  for (const auto& [text, message] : rows) {
    CAPTURE(text);
    CHECK(ErrorOfReading(folder, text) == message);
  }
  CHECK_THAT(ErrorOfReading(folder, "\n[[bucket]]\nparameters = [\"embed\"\n"),
             Catch::StartsWith("[bucket plan] plan.toml:") && Catch::Contains("array"));
  CHECK_THROWS_WITH(ReadBucketPlan("/nowhere/plan.toml", kParameters),
                    "[bucket plan] cannot open '/nowhere/plan.toml': No such file or directory");
  CHECK_THROWS_WITH(ReadBucketPlan("/tmp", kParameters),
                    "[bucket plan] '/tmp' is a folder, and a file is expected");
  CHECK_THROWS_WITH(
      WriteBucketPlan("/nowhere/plan.toml", kParameters, {}, {}),
      "[bucket plan] cannot write '/nowhere/plan.toml': there is no folder '/nowhere'");
}

// Parameters after three steps on two workers.
std::vector<double> Train(const DataParallelOptions& options, size_t& buckets) {
  std::vector<double> values;
  RunWorkers(2, [&](Worker& worker) {
    ToyModel model(worker.device());
    DataParallel net(worker, model.parameters, options);
    Sgd sgd(net.Parameters(), {.lr = 0.1});
    for (int step = 0; step < 3; ++step) {
      net.Backward(model.Loss(step, 6 * worker.rank(), 6 * worker.rank() + 6),
                   1.0 / worker.world_size());
      sgd.Step();
    }
    if (!worker.is_main()) return;
    buckets = net.Parameters().buckets().size();
    for (const NamedTensor& parameter : model.parameters) {
      const std::vector<double> some = parameter.tensor.ToVector<double>();
      values.insert(values.end(), some.begin(), some.end());
    }
  });
  return values;
}

TEST_CASE("Workers train with the plan of a file as with the same plan by options") {
  const TemporaryFolder folder;
  const ToyModel model(Device::Cpu());
  const BucketOptions options{.bytes = 60, .first_bytes = 60, .last_bytes = 60};
  const BucketPlan plan = PlanBuckets(model.parameters, options);
  WriteBucketPlan(folder / "plan.toml", SizesOf(model.parameters), plan, {});
  const BucketPlan read = ReadBucketPlan(folder / "plan.toml", model.parameters);
  CHECK(read == plan);
  size_t by_options = 0, by_plan = 0, by_another = 0;
  const std::vector<double> expected = Train({.buckets = options}, by_options);
  CHECK(Train({.plan = read}, by_plan) == expected);
  CHECK(by_options == plan.size());
  CHECK(by_plan == plan.size());
  // Sums of two workers' terms are the same in any bucket.
  CHECK(Train({.plan = BucketPlan{{4, 3}, {2, 1, 0}}}, by_another) == expected);
  CHECK(by_another == 2);
}

TEST_CASE("A plan must be one of the model's parameters, and the same on all workers") {
  const auto error = [](const BucketPlan& first, const BucketPlan& second) {
    return ErrorOf(2, [&](Worker& worker) {
      ToyModel model(worker.device());
      DataParallel net(worker, model.parameters, {.plan = worker.is_main() ? first : second});
    });
  };
  const BucketPlan outside = {{5}}, partial = {{4, 3, 2}};
  CHECK_THAT(error(outside, outside),
             Catch::Contains("[DataParallel] bucket 0 of the plan names parameter 5 of 5"));
  CHECK_THAT(error(partial, partial),
             Catch::Contains("[FlatParameters] the plan leaves out parameter 'fc1.weight'"));
  CHECK_THAT(error({{4, 3, 2, 1, 0}}, {{4, 3}, {2, 1, 0}}),
             Catch::Contains("the bucket of parameter 'unused': 0 on worker 0, 1 on worker 1"));
}

}  // namespace
}  // namespace convoy
