// The flags that all trainers share, part by part.
#pragma once

#include <vector>

#include "models/trainers/common/bucket_flags.h"
#include "models/trainers/common/file_flags.h"
#include "models/trainers/common/flag_part.h"
#include "models/trainers/common/graph_flags.h"
#include "models/trainers/common/model_flags.h"
#include "models/trainers/common/optimizer_flags.h"
#include "models/trainers/common/run_flags.h"

namespace convoy {

/// A trainer's constructor overwrites what it wants other defaults for.
struct CommonFlags {
  RunFlags run;
  BucketFlags buckets;
  FileFlags files;
  OptimizerFlags optimizer{run};
  ModelFlags model;
  GraphFlags graph{run.launch};

  /// In the order of --help and of the header of a run.
  std::vector<FlagPart*> Parts() { return {&run, &buckets, &files, &optimizer, &model, &graph}; }
};

}  // namespace convoy
