// How a GPU computes Attention. CPU devices pay no attention to it.
#pragma once

#include <string>

namespace convoy {

/// Process-wide.
struct AttentionSettings {
  /// cuDNN's fused kernels where they take the problem (bf16 and f16), else our own.
  /// CONVOY_ATTENTION_CUDNN=0 in the environment turns it off from the start.
  bool cudnn = true;
  /// Gradients of cuDNN have the same bits every time, which takes longer. Our own always have.
  bool deterministic = true;
};

AttentionSettings GetAttentionSettings();
void SetAttentionSettings(const AttentionSettings& settings);

/// What computed the latest attention on a GPU, forward or backward: "cuDNN", or "own kernels" and
/// why cuDNN did not; empty if there was none.
std::string AttentionEngine();

namespace internal {
void SetAttentionEngine(const std::string& engine);
}  // namespace internal
}  // namespace convoy
