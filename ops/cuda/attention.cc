// Attention's kernel slots.
#include "ops/cuda/attention_tiled.h"

namespace convoy {
CONVOY_REGISTER_KERNEL(attention_forward, kCuda, cuda::TiledAttentionForward);
CONVOY_REGISTER_KERNEL(attention_backward, kCuda, cuda::TiledAttentionBackward);
}  // namespace convoy
