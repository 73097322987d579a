// The flags of the learning rate.
#include "models/trainers/common/schedule_flags.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "core/base/exit_status.h"
#include "models/trainers/common/checks.h"
#include "models/trainers/common/given_flags.h"

namespace convoy {
namespace {

const std::map<std::string, Decay> kDecays{
    {"constant", Decay::kConstant}, {"linear", Decay::kLinear}, {"cosine", Decay::kCosine}};

}  // namespace

Schedule ScheduleFlags::MakeSchedule() const {
  const ScheduleOptions options{
      .max = lr, .min = min_lr, .warmup = warmup, .steps = std::max(run_.steps, warmup + 1)};
  switch (decay) {
    case Decay::kLinear:
      return Schedule::Linear(options);
    case Decay::kCosine:
      return Schedule::Cosine(options);
    case Decay::kConstant:
      break;
  }
  return Schedule::Constant(options);
}

std::string ScheduleFlags::Text() const {
  std::string text = fmt::format("lr {}", lr);
  if (decay != Decay::kConstant) {
    text += fmt::format(" to {} ({})", min_lr, decay == Decay::kLinear ? "linear" : "cosine");
  }
  if (warmup > 0) text += fmt::format(", {} warm-up steps", warmup);
  return text;
}

void ScheduleFlags::Add(CLI::App& app) {
  app.option_defaults()->always_capture_default()->group("Optimizer");
  app.add_option("--lr", lr, "Learning rate, after the warm-up")->check(NotNegative());
  app.add_option("--min-lr", min_lr, "Learning rate at the end of a linear or cosine decay")
      ->check(NotNegative());
  AddChoice(app, "--decay", decay, kDecays, "Course of the learning rate after the warm-up");
  app.add_option("--warmup", warmup, "Steps in which the learning rate rises to --lr")
      ->check(Whole(0, kMostSteps));
}

void ScheduleFlags::Settle(const GivenFlags& given) {
  CheckUsage(
      decay != Decay::kConstant || !given("--min-lr"),
      "[--min-lr] is where --decay linear or cosine ends, but --decay is constant; leave one "
      "of the two out");
  CheckUsage(
      min_lr <= lr || !given("--min-lr"),
      "[--min-lr] {} is above --lr {}, from which the learning rate falls; give at most --lr",
      min_lr, lr);
  CheckUsage(warmup <= run_.steps || run_.steps == 0 || !given("--warmup"),
             "[--warmup] {} steps are more than the {} of the run, so that the learning rate would "
             "never reach --lr; give at most --steps",
             warmup, run_.steps);
  min_lr = std::min(min_lr, lr);
}

}  // namespace convoy
