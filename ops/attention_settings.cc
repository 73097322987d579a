// How a GPU computes Attention: one set of settings for the process.
#include "ops/attention_settings.h"

#include <cstdlib>
#include <mutex>
#include <string_view>

namespace convoy {
namespace {

std::mutex mutex;

AttentionSettings& Settings() {
  static AttentionSettings settings = [] {
    AttentionSettings initial;
    const char* cudnn = std::getenv("CONVOY_ATTENTION_CUDNN");
    initial.cudnn = cudnn == nullptr || std::string_view(cudnn) != "0";
    return initial;
  }();
  return settings;
}

std::string& Engine() {
  static std::string engine;
  return engine;
}

}  // namespace

AttentionSettings GetAttentionSettings() {
  const std::lock_guard lock(mutex);
  return Settings();
}

void SetAttentionSettings(const AttentionSettings& settings) {
  const std::lock_guard lock(mutex);
  Settings() = settings;
}

std::string AttentionEngine() {
  const std::lock_guard lock(mutex);
  return Engine();
}

void internal::SetAttentionEngine(const std::string& engine) {
  const std::lock_guard lock(mutex);
  if (Engine() != engine) Engine() = engine;
}

}  // namespace convoy
