// The flags that say how gradients are cut into buckets, and what of them a worker updates.
#include "models/trainers/common/bucket_flags.h"

#include <CLI/CLI.hpp>
#include <map>

#include "core/base/exit_status.h"
#include "models/trainers/common/checks.h"
#include "models/trainers/common/given_flags.h"
#include "parallel/data_parallel/bucket_plan_file.h"

namespace convoy {
namespace {

const std::map<std::string, Shard> kShards{{"none", Shard::kNone},
                                           {"optimizer", Shard::kOptimizer}};

}  // namespace

DataParallelOptions BucketFlags::Options(const ParameterList& parameters) const {
  DataParallelOptions options{.buckets = BucketsOfMb(bucket_mb), .shard = shard};
  if (!bucket_plan.empty()) options.plan = ReadBucketPlan(bucket_plan, parameters);
  return options;
}

void BucketFlags::Add(CLI::App& app) {
  app.option_defaults()->always_capture_default()->group("Run");
  app.add_option("--bucket-mb", bucket_mb,
                 "MiB of gradients that one allreduce sums (the first and the last are smaller)")
      ->check(Between(0.001, kMostMiB));
  AddChoice(
      app, "--shard", shard, kShards,
      "What workers share out: nothing, or the optimizer's update and state, of which each of "
      "N workers then keeps 1/N");
  app.option_defaults()->always_capture_default(false);
  app.add_option("--bucket-plan", bucket_plan,
                 "Sum the gradients bucket by bucket as this file says, instead of by --bucket-mb")
      ->type_name("FILE");
}

void BucketFlags::ListFiles(FlagFiles& files) const {
  files.inputs.push_back({"--bucket-plan", bucket_plan});
}

void BucketFlags::Settle(const GivenFlags& given) {
  CheckUsage(
      bucket_plan.empty() || !given("--bucket-mb"),
      "[--bucket-mb] has no effect beside --bucket-plan, which says what is summed together; "
      "leave one of the two out");
}

}  // namespace convoy
