// A model whose layers sleep for set times instead of computing: communication without noise.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "parallel/group/worker.h"
#include "tools/bench/workload.h"

namespace convoy::scaling {

struct SyntheticLayer {
  int64_t parameters = 0;  ///< how many f32 numbers
  double forward_ms = 0;
  double backward_ms = 0;  ///< its gradient is ready at the end of this time
};

/// Reads "COUNTxPARAMETERS:BACKWARD[:FORWARD]" groups with commas between them, from the model's
/// first layer to its last: "12x1.5M:4ms,1x10M:8ms:2ms". COUNTx may be left out; PARAMETERS may
/// have k, M or G behind it (thousands, millions, thousand millions), times ms (which may be left
/// out), us or s. Without a time for forward it is half of backward's. Throws: Error that says
/// where in the text what was expected.
std::vector<SyntheticLayer> ParseSyntheticLayers(const std::string& text);

/// A model whose layers sleep. Its gradients are zeros that are never written, so that allreduces
/// take their usual time while the cores are free; it has no optimizer.
/// Throws: Error if the worker is not on a CPU.
std::unique_ptr<Workload> MakeSynthetic(const std::vector<SyntheticLayer>& layers,
                                        const Worker& worker);

}  // namespace convoy::scaling
