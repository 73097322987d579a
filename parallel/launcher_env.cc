// Whether a launcher (torchrun, mpirun, srun) has started this process as one of several.
#include "parallel/launcher_env.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace convoy {
namespace {

struct Variables {
  const char* rank;
  const char* size;
};

constexpr Variables kLaunchers[] = {
    {"RANK", "WORLD_SIZE"},
    {"PMI_RANK", "PMI_SIZE"},
    {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
    {"MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE"},
    {"SLURM_PROCID", "SLURM_NTASKS"},
};

std::string_view Get(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? std::string_view() : text;
}

std::optional<int> GetNumber(const char* variable) {
  const std::string_view text = Get(variable);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

// A shell inside an allocation carries the variables of the allocation, not of a task.
bool IsInteractiveSlurm() {
  const std::string_view job = Get("SLURM_JOB_NAME");
  return job == "bash" || job == "interactive";
}

}  // namespace

std::optional<LauncherEnv> ReadLauncherEnv() {
  for (const Variables& launcher : kLaunchers) {
    const std::optional<int> rank = GetNumber(launcher.rank);
    const std::optional<int> size = GetNumber(launcher.size);
    if (!rank || !size || *size < 2) continue;
    if (std::string_view(launcher.rank) == "SLURM_PROCID" && IsInteractiveSlurm()) continue;
    return LauncherEnv{*rank, *size, launcher.size};
  }
  return {};
}

}  // namespace convoy
