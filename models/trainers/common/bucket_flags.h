// The flags that say how gradients are cut into buckets, and what of them a worker updates.
#pragma once

#include <string>

#include "core/tensor.h"
#include "models/trainers/common/flag_part.h"
#include "parallel/data_parallel.h"

namespace convoy {

class BucketFlags final : public FlagPart {
 public:
  double bucket_mb = 25;    ///< MiB
  std::string bucket_plan;  ///< a file; empty: planned by bucket_mb
  Shard shard = Shard::kNone;

  /// Throws: Error if the plan cannot be read or does not fit the parameters.
  DataParallelOptions Options(const ParameterList& parameters) const;

  void Add(CLI::App& app) override;
  void ListFiles(FlagFiles& files) const override;
  void Settle(const GivenFlags& given) override;
};

}  // namespace convoy
