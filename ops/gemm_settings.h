// How a GPU makes matrix products. CPU devices pay no attention to it.
#pragma once

#include <cstdint>

namespace convoy {

/// Process-wide. Products made before and after a change may differ in their last bits.
struct GemmSettings {
  /// At the first product of each shape, outside graph capture, every algorithm that the library
  /// suggests is timed once and the fastest kept; the host waits for the device meanwhile.
  /// CONVOY_GEMM_AUTOTUNE=1 in the environment turns it on from the start.
  bool autotune = false;
  /// f32 operands may be rounded to TF32 (10 bits of mantissa), which tensor cores multiply.
  bool allow_tf32 = false;
  /// Linear's GELU (tanh) in the product's own kernel. Not always faster: the product's tiles then
  /// need more registers.
  bool fuse_gelu = true;
  /// Linear's bias gradient in the kernel of the weight's gradient.
  bool fuse_bias_gradient = true;
};

GemmSettings GetGemmSettings();
void SetGemmSettings(const GemmSettings& settings);

namespace cuda {
/// Changes one of the GemmSettings.
void SetGemmAutotune(bool on);
}  // namespace cuda
}  // namespace convoy
