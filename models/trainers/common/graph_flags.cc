// The flag that has steps recorded as a CUDA graph.
#include "models/trainers/common/graph_flags.h"

#include <CLI/CLI.hpp>

#include "core/base/error.h"
#include "parallel/launch/placement.h"

namespace convoy {

void GraphFlags::Add(CLI::App& app) {
  app.option_defaults()->always_capture_default(false)->group("Run");
  app.add_flag("--cuda-graph", cuda_graph,
               "Record the training step once and replay it: faster for small models; GPU only");
}

void GraphFlags::Check() const {
  if (!cuda_graph) return;
  const launch::Placement place = launch::Place(launch_);
  CONVOY_CHECK(place.device == DeviceType::kCuda,
               "[--cuda-graph] steps can be recorded on a GPU only, but this run would compute on "
               "the CPU{}{}",
               place.why_not_cuda.empty() ? "" : ": ", place.why_not_cuda);
}

std::vector<HeaderLine> GraphFlags::Describe() const {
  if (!cuda_graph) return {};
  return {{"graph", "steps are recorded and replayed"}};
}

}  // namespace convoy
