// A model whose layers take set times and compute nothing: communication, and no noise.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "parallel/group/worker.h"
#include "tools/bench/workload.h"

namespace convoy {

struct SyntheticLayer {
  int64_t parameters = 0;  ///< f32
  double forward_ms = 0;
  double backward_ms = 0;  ///< its gradient is there at the end of it
};

/// Reads "COUNTxPARAMETERS:BACKWARD[:FORWARD]" groups with commas between them, from the model's
/// first layer to its last: "12x1.5M:4ms,1x10M:8ms:2ms". COUNTx may be left out; PARAMETERS may
/// have k, M or G behind it (thousands, millions, thousand millions), times ms (which may be left
/// out), us or s. Without a time for forward it is half of backward's. Throws: Error that says
/// where in the text what was expected.
std::vector<SyntheticLayer> ParseSyntheticLayers(const std::string& text);

/// Its layers sleep; gradients are zeros that nobody writes, so that their sums take what they take
/// and the cores are free. There is nothing to update. On CPU workers alone.
std::unique_ptr<Workload> MakeSynthetic(const std::vector<SyntheticLayer>& layers,
                                        const Worker& worker);

}  // namespace convoy
