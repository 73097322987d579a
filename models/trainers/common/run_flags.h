// The flags of the run itself: workers, data, steps, batches.
#pragma once

#include <cstdint>
#include <string>

#include "models/trainers/common/flag_part.h"
#include "optim/decide_step.h"
#include "parallel/launch.h"

namespace convoy {

class RunFlags final : public FlagPart {
 public:
  LaunchOptions launch;
  std::string data;
  std::string data_help;  ///< what --data means, for --help
  int64_t steps = 0;
  int64_t batch_size = 0;  ///< global, in samples
  int64_t micro_batches = 1;
  uint64_t seed = 42;
  int64_t eval_every = 0;      ///< steps; 0: only at the end
  int64_t check_replicas = 0;  ///< steps; 0: never
  NonFinite on_non_finite = NonFinite::kStop;

  void Add(CLI::App& app) override;
  void ListFiles(FlagFiles& files) const override;
  void Settle(const GivenFlags& given) override;
};

}  // namespace convoy
