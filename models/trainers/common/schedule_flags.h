// The flags of the learning rate.
#pragma once

#include <cstdint>
#include <string>

#include "models/trainers/common/flag_part.h"
#include "models/trainers/common/run_flags.h"
#include "optim/schedule.h"

namespace convoy {

enum class Decay { kConstant, kLinear, kCosine };

class ScheduleFlags final : public FlagPart {
 public:
  /// `run` knows the number of steps; it must outlive this.
  explicit ScheduleFlags(const RunFlags& run) : run_(run) {}

  double lr = 1e-3;
  double min_lr = 0;
  Decay decay = Decay::kConstant;
  int64_t warmup = 0;  ///< steps

  /// The learning rate of every step of the run.
  Schedule MakeSchedule() const;
  /// "lr 0.1 to 0.01 (linear), 50 warm-up steps".
  std::string Text() const;

  void Add(CLI::App& app) override;
  /// Also lowers a --min-lr that was not given to --lr.
  void Settle(const GivenFlags& given) override;

 private:
  const RunFlags& run_;
};

}  // namespace convoy
