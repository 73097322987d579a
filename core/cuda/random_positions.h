// Random numbers in recorded graphs: every replay draws from streams of its own.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "core/random.h"
#include "core/tensor.h"

namespace convoy::cuda {

/// Of one recording: which sources dealt streams and how many, and where they stand on the device.
///
/// Kernels add a shift, kept in device memory, to the stream they were recorded with. The graph
/// ends with a kernel that moves each shift on by the streams dealt in a replay, and the host moves
/// the source along, so that the two agree unless somebody used the source in between; then the
/// next replay is preceded by a kernel that sets the device right.
class RandomPositions final : public convoy::internal::RandomRecorder {
 public:
  explicit RandomPositions(Device device) : device_(device) {}

  /// The first work of the graph. The positions' memory is taken here: what a recording takes later
  /// may have been used, in every replay, by kernels before.
  void BeginRecording();
  /// Throws: Error if a recording draws from too many sources.
  RandomStream Next(const std::shared_ptr<StreamSource::State>& source) override;

  /// The last work of the graph. Sources are set back to where the recording found them.
  void EndRecording();
  /// Called before each replay, which goes to `stream`.
  void BeforeReplay(cudaStream_t stream);

 private:
  struct Source {
    std::shared_ptr<StreamSource::State> state;
    StreamSource::State recorded;  // when the recording first met it
    RandomPosition* position;      // on the device
    RandomPosition expected;       // what the device holds
    bool known = false;            // whether it does
    uint32_t dealt = 0;            // streams a replay
  };

  Source& SourceOf(const std::shared_ptr<StreamSource::State>& state);

  Device device_;
  std::vector<Source> sources_;
  Tensor memory_;  // of the positions
};

}  // namespace convoy::cuda
