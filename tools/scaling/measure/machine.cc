// What a measurement runs on, and what is wrong with it there.
#include "tools/scaling/measure/machine.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <fstream>

#include "core/backend.h"
#include "core/base/cores.h"

namespace convoy::scaling {
namespace {

// The model name in /proc/cpuinfo; "CPU" where there is none.
std::string CpuModel() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("model name")) continue;
    const size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "CPU";
}

// If the quartiles lie further apart than this share of the median, the median says little.
constexpr double kWide = 0.10;

}  // namespace

std::string DescribeMachine(const Worker& worker) {
  if (!worker.device().is_cpu()) {
    return GetBackend(worker.device().type).Describe(worker.device());
  }
  const int cores = AvailableCores();
  return fmt::format("{} core{} of {}", cores, cores == 1 ? "" : "s", CpuModel());
}

std::string Today() {
  const std::time_t now = std::time(nullptr);
  return fmt::format("{:%Y-%m-%d}", fmt::localtime(now));
}

std::vector<std::string> LoadWarnings() {
  double load[1] = {};
  if (getloadavg(load, 1) != 1 || load[0] < 0.5) return {};
  return {fmt::format(
      "other programs kept {:.1f} of {} cores busy in the minute before: the cores are shared, and "
      "figures may be worth nothing",
      load[0], AvailableCores())};
}

std::vector<std::string> WarningsFor(const Measurement& m) {
  std::vector<std::string> warnings;
  const auto check = [&](const Spread& spread, const char* what) {
    if (spread.relative() <= kWide) return;
    warnings.push_back(
        fmt::format("half of the steps{} lie in {:.2f} to {:.2f} ms, {:.0f}% of the median apart: "
                    "do not rely on "
                    "the figures; repeat it on a quiet machine, or with more --steps",
                    what, spread.low, spread.high, 100 * spread.relative()));
  };
  check(m.step, "");
  // Throughput is that of the median step: too high if the run gets only a share of the machine.
  if (m.step.mean > (1 + kWide) * m.step.median) {
    warnings.push_back(
        fmt::format("the mean step takes {:.2f} ms, the median one {:.2f}: something stops the "
                    "workers now and then, such as a quota of CPU time, and over the wall's clock "
                    "the throughput is {:.0f}% less than said",
                    m.step.mean, m.step.median, 100 * (1 - m.step.median / m.step.mean)));
  }
  if (m.workers > 1) check(m.step_without_communication, " without communication");
  if (m.steps < 5) {
    warnings.push_back(
        fmt::format("only {} timed: figures may be off by chance",
                    m.steps == 1 ? "one step was" : fmt::format("{} steps were", m.steps)));
  }
  return warnings;
}

}  // namespace convoy::scaling
