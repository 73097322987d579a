// How a GPU makes matrix products: one set of settings for the process.
#include "ops/gemm_settings.h"

#include <cstdlib>
#include <mutex>
#include <string_view>

namespace convoy {
namespace {

std::mutex mutex;

GemmSettings& Settings() {
  static GemmSettings settings = [] {
    GemmSettings initial;
    const char* autotune = std::getenv("CONVOY_GEMM_AUTOTUNE");
    initial.autotune = autotune != nullptr && std::string_view(autotune) == "1";
    return initial;
  }();
  return settings;
}

}  // namespace

GemmSettings GetGemmSettings() {
  const std::lock_guard lock(mutex);
  return Settings();
}

void SetGemmSettings(const GemmSettings& settings) {
  const std::lock_guard lock(mutex);
  Settings() = settings;
}

void cuda::SetGemmAutotune(bool on) {
  const std::lock_guard lock(mutex);
  Settings().autotune = on;
}

}  // namespace convoy
